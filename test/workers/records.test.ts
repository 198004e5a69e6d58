/** What a partition keeps beside stock: it is in the journal, in the ledger, and back after a rebuild. */
import { expect, test } from "bun:test";
import { forgetOperations } from "#postgres/forget-operations";
import { recordKey } from "#redis/keys";
import { rebuildPartition } from "#workers/rebuild";
import { dump } from "#test/keyspace";
import { putRecords } from "#test/put-record";
import { openRebuildBed } from "#test/rebuilding";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { startRedis } from "#test/servers";
import { initialize } from "#test/store";

const CAMPAIGNS = recordKey(0, "campaign");

test("a record and its removal are movements that move nothing, and a rebuild writes what is left", async () => {
  await using redis = await startRedis();
  await using bed = await openRebuildBed(redis.url);
  const { db, stores } = bed;
  await initialize(stores.store, "p1", 5);
  await putRecords(stores.redis, [
    ["campaign", "summer", "1\ta text = of\tits own"],
    ["campaign", "winter", "1\tanother"],
    ["limit", "two-each", "1\t2"],
  ]);
  // Twice in one batch, and one that goes again: the last state counts.
  const answer = await putRecords(stores.redis, [
    ["campaign", "summer", "1\tchanged"],
    ["campaign", "summer", "1\tchanged again"],
    ["campaign", "winter", ""],
    ["waiting", "p1/nobody", "1"],
    ["waiting", "p1/nobody", ""],
  ]);
  expect(answer.split("\n").slice(1)).toEqual([
    "1\ta text = of\tits own",
    "1\tchanged",
    "1\tanother",
    "none",
    "1",
  ]);
  expect(await stores.redis.hgetall(CAMPAIGNS)).toEqual({ summer: "1\tchanged again" });
  await bed.drained();
  const moved = await db.sql`SELECT seq, type, product_id, location, on_hand_after FROM movements
    WHERE type = 'RECORD' ORDER BY seq`;
  const nothing = { product_id: null, location: "", on_hand_after: 0 };
  expect([...moved]).toMatchObject(Array.from({ length: 8 }, () => nothing));
  const kept = await db.sql`SELECT kind, id, text, seq FROM records ORDER BY kind, id`;
  expect([...kept]).toEqual([
    { kind: "campaign", id: "summer", text: "1\tchanged again", seq: 6 },
    { kind: "campaign", id: "winter", text: null, seq: 7 },
    { kind: "limit", id: "two-each", text: "1\t2", seq: 4 },
    { kind: "waiting", id: "p1/nobody", text: null, seq: 9 },
  ]);
  const before = await dump(stores.redis);
  await stores.redis.del(CAMPAIGNS, recordKey(0, "limit"));
  await rebuildPartition(0, bed.use, { which: "any", discards: false });
  const after = await dump(stores.redis);
  for (const key of [CAMPAIGNS, recordKey(0, "limit")]) expect(after[key]).toEqual(before[key]);
  expect(after[recordKey(0, "waiting")]).toBeUndefined();
});

test("what was removed is forgotten after a day, unless something older may still come", async () => {
  await using redis = await startRedis();
  await using bed = await openRebuildBed(redis.url);
  const { sql } = bed.db;
  await sql`INSERT INTO records (partition, kind, id, text, seq, written_at) VALUES
    (0, 'campaign', 'gone', null, 1, now() - interval '25 hours'),
    (0, 'campaign', 'just gone', null, 2, now()),
    (0, 'campaign', 'there', '1', 3, now() - interval '25 hours')`;
  await sql`INSERT INTO quarantine (partition, epoch, seq, payload, error)
    VALUES (0, 1, 1, '{}', 'why')`;
  await forgetOperations(sql);
  expect(await bed.db.count("SELECT count(*) FROM records")).toBe(3);
  await sql`UPDATE quarantine SET settled_at = now()`;
  await forgetOperations(sql);
  const left = await sql`SELECT id FROM records ORDER BY id`;
  expect(left.map(({ id }) => id)).toEqual(["just gone", "there"]);
});

test.each<[what: string, harm: (bed: ReconcileBed) => Promise<unknown>]>([
  ["one that changed", ({ redis }) => redis.hset(CAMPAIGNS, "summer", "1\tother")],
  ["one that is gone", ({ redis }) => redis.hdel(CAMPAIGNS, "summer")],
  ["one of nobody", ({ redis }) => redis.hset(CAMPAIGNS, "nobody's", "1")],
  ["one that was removed and is back", ({ redis }) => redis.hset(CAMPAIGNS, "winter", "1")],
])("of records %s is found, and a repair sets it to what the ledger says", async (_what, harm) => {
  await using bed = await openReconcileBed();
  await putRecords(bed.redis, [
    ["campaign", "summer", "1\tas it is"],
    ["campaign", "winter", "1\tshort"],
  ]);
  await putRecords(bed.redis, [["campaign", "winter", ""]]);
  await bed.drained();
  expect((await bed.report()).differences).toEqual([]);
  await harm(bed);
  expect(namesOf(await bed.report())).toEqual(["record -"]);
  expect((await bed.repair()).differences).toMatchObject([{ kind: "record", repaired: true }]);
  expect(await bed.redis.hgetall(CAMPAIGNS)).toEqual({ summer: "1\tas it is" });
  expect((await bed.report()).differences).toEqual([]);
});

test("records that change all the while are no difference", async () => {
  await using bed = await openReconcileBed();
  const traffic = { isOver: false };
  const busy = (async () => {
    for (let i = 0; !traffic.isOver; i += 1) {
      const text = i % 3 === 2 ? "" : `1\t${i}`;
      await putRecords(bed.redis, [["waiting", `p1/${i % 7}`, text]]);
    }
  })();
  for (let i = 0; i < 5; i += 1) expect((await bed.report()).differences).toEqual([]);
  traffic.isOver = true;
  await busy;
});

test("a key of another type is told by its name", async () => {
  await using bed = await openReconcileBed();
  await bed.redis.set(CAMPAIGNS, "x");
  expect((await bed.report()).differences).toMatchObject([
    { kind: "unreadable", redis: CAMPAIGNS },
  ]);
});
