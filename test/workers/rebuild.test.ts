/** Rebuilding a partition: who may, what is written, and what a crash on the way leaves. */
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Redis } from "ioredis";
import { decodeHold } from "#redis/hold-record";
import { createAlarms } from "#compose/alarms";
import type { Rebuilding } from "#compose/rebuild";
import { createLog } from "#lib/log";
import { rebuildPartition, type RebuildOptions } from "#workers/rebuild";
import { audit } from "#test/audit";
import {
  adjustCommand,
  amendCommand,
  endCommand,
  operation,
  reassignCommand,
  reserveCommand,
  sellCommand,
  transferCommand,
} from "#test/commands";
import { dump, keysLike, type KeyDump } from "#test/keyspace";
import { startRedis } from "#test/servers";
import { runMain } from "#test/service";
import { openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { initialize, register, reserve, totals } from "#test/store";
import { until } from "#test/until";

const redis = await startRedis();
let bed: RebuildBed;
let db: RebuildBed["db"];
let stores: RebuildBed["stores"];
let use: RebuildBed["use"];
const drained = (): Promise<void> => bed.drained();

beforeEach(async () => {
  bed = await openRebuildBed(redis.url);
  ({ db, stores, use } = bed);
});
afterEach(() => bed[Symbol.asyncDispose]());
afterAll(() => redis.stop());

const FENCED: RebuildOptions = { which: "fenced", discards: false };
const ANY: RebuildOptions = { which: "any", discards: false };

/** One of everything that a partition may hold. */
async function fill(): Promise<void> {
  const { store } = stores;
  const priced = { name: 'a "name" = with, é', price: 19.99, maxPerCustomer: 30, safetyStock: 2 };
  await initialize(store, "p1", 100, { ...priced, operation: operation("made") });
  await initialize(store, "p2", 3, { lowStockThreshold: 5 });
  await initialize(store, "p3", 0, { price: 0.1 });
  await register(store, "Annex", { active: false, priority: 7, address: 'far, "away" = there' });
  await register(store, "Backup", { name: "as any other" });
  await store.adjust(adjustCommand("p1", 9, { type: "RESTOCK", operation: operation("k1") }));
  await store.transfer(transferCommand("p1", 5));
  await store.amend(amendCommand("p1", { name: "another name" }));
  await reserve(store, "o1", { p1: 2, p2: 1 }, { operation: operation("k2") });
  await reserve(store, "o2", { p1: 1 }, { holdSeconds: 60, customerId: null });
  const part = await reserve(store, "o3", { p1: 4 });
  const one = part.allocations[0]?.productId;
  if (!one) throw new Error("a hold of nothing");
  await store.confirm(endCommand(part.reservationId, { lines: [{ productId: one, quantity: 1 }] }));
  const sold = await reserve(store, "o4", { p1: 1 });
  await store.confirm(endCommand(sold.reservationId, { operation: operation("k3") }));
  const dropped = await reserve(store, "o5", { p1: 1 });
  await store.cancel(endCommand(dropped.reservationId));
  await store.reserve(reserveCommand("o6", { p1: 1 }, { holdSeconds: null, adds: true }));
  await reserve(store, "o7", { p1: 1 });
  await reserve(store, "o7", { p1: 2 });
  await store.sell(sellCommand("p1", 1, { operation: operation("k4") }));
  const guest = await reserve(store, "o8", { p1: 1, p2: 1 });
  await store.reassign(reassignCommand(guest.reservationId, "o9"));
}

/** What must be the same after a rebuild: all but the journal, names of batches, and ended entries. */
async function lasting(client: Redis): Promise<Record<string, KeyDump>> {
  const all = await dump(client);
  const due = new Set<string>();
  for (const [key, { value }] of Object.entries(all)) {
    const [, owner] = /^\{p0\}:reservation:(.*)$/.exec(key) ?? [];
    if (owner === undefined) continue;
    const { status, expiresAt } = decodeHold(0, owner, String(value));
    if (status === "ACTIVE" && expiresAt !== null) due.add(`${owner} ${expiresAt / 1_000}`);
  }
  for (const [key, found] of Object.entries(all)) {
    const [, kind = "", second = ""] = /^\{p0\}:(\w+):?(.*)$/.exec(key) ?? [];
    if (["journal", "batch", "return", "meta"].includes(kind)) delete all[key];
    if (key.startsWith("sku:")) all[key] = { ...found, value: String(found.value).split("\t")[0] };
    if (kind !== "expiring" || !Array.isArray(found.value)) continue;
    // A hold that replaced another within the second stands there twice.
    const owners = [...new Set(found.value.map(String))];
    const live = owners.filter((owner) => due.has(`${owner} ${second}`)).toSorted();
    if (live.length === 0) delete all[key];
    else all[key] = { ...found, value: live };
  }
  return all;
}

describe("a rebuild", () => {
  test("of a Redis that lost everything writes every key as it was", async () => {
    await fill();
    await drained();
    const before = await lasting(stores.redis);
    const { locations } = await stores.redis.hgetall("{p0}:meta");
    expect(Object.keys(before).length).toBeGreaterThan(20);
    await stores.redis.flushall();
    await expect(totals(stores.store, "p1")).rejects.toMatchObject({ code: "partition_fenced" });
    const outcome = await rebuildPartition(0, use, FENCED);
    expect(outcome).toMatchObject({ kind: "rebuilt", products: 3, liveHolds: 6, missing: null });
    expect(await lasting(stores.redis)).toEqual(before);
    expect((await stores.redis.hgetall("{p0}:meta"))["locations"]).toBe(locations);
    // The process that was fenced goes on, and what it did before is known.
    await until(() => stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
    const again = adjustCommand("p1", 9, { type: "RESTOCK", operation: operation("k1") });
    expect(await stores.store.adjust(again)).toMatchObject({ kind: "adjusted", replayed: true });
    await drained();
    await audit({ redisUrl: redis.url, databaseUrl: db.url, acknowledged: [] }).catch(
      (error: unknown) => expect(String(error)).toContain("no acknowledged were audited"),
    );
    expect(await bed.reports()).toMatchObject([{ kind: "rebuilt", from_seq: null }]);
  });

  test("is an alert, and so is its end, though nobody looked while it was fenced", async () => {
    await initialize(stores.store, "p1", 10);
    await drained();
    const log = createLog({ level: "error", format: "json", write: () => undefined });
    const alarms = createAlarms(use.alerts, log);
    const found = { partition: 0, kind: "fenced", holds: false, units: null } as const;
    await alarms.tell(found);
    const kinds = async () => (await db.sql`SELECT kind FROM alerts ORDER BY number`).flat();
    expect(await kinds()).toEqual([]);
    for (const times of [1, 2]) {
      const reopen: Rebuilding["rebuild"]["reopen"] = async (...args) => {
        expect((await kinds()).at(-1)).toEqual({ kind: "fenced" });
        return await use.rebuild.reopen(...args);
      };
      const watched = { ...use, rebuild: { ...use.rebuild, reopen } };
      expect(await rebuildPartition(0, watched, ANY)).toMatchObject({ kind: "rebuilt" });
      await alarms.tell(found);
      expect((await kinds()).at(-1)).toEqual({ kind: "fenced" });
      alarms.forget(found);
      await alarms.tell(found);
      const pair = [{ kind: "fenced" }, { kind: "unfenced" }];
      expect(await kinds()).toEqual(times === 1 ? pair : [...pair, ...pair]);
    }
  });

  test("drains what the journal still has, and loses none of it", async () => {
    await initialize(stores.store, "p1", 10);
    await drained();
    await stores.store.adjust(adjustCommand("p1", 5));
    const outcome = await rebuildPartition(0, use, ANY);
    expect(outcome).toMatchObject({ kind: "rebuilt", seq: 2, drained: 1, missing: null });
    // The process may have looked while it was fenced.
    await until(() => stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
    expect(await totals(stores.store, "p1")).toMatchObject({ onHand: 15 });
    await stores.store.adjust(adjustCommand("p1", 5));
    await drained();
    expect(await db.count("SELECT count(*) FROM movements")).toBe(3);
  });

  test("that died on the way leaves the partition fenced, and the next one is whole", async () => {
    await fill();
    await drained();
    const before = await lasting(stores.redis);
    const dying = {
      ...use,
      rebuild: { ...use.rebuild, reopen: () => Promise.reject(new Error("it died")) },
    };
    await expect(rebuildPartition(0, dying, ANY)).rejects.toThrow("it died");
    await expect(totals(stores.store, "p1")).rejects.toMatchObject({ code: "partition_fenced" });
    const other = bed.anotherRebuilder();
    {
      // As long as the claim lasts it is not another's.
      expect(await rebuildPartition(0, other, FENCED)).toEqual({ kind: "taken" });
      const fence = await stores.redis.hget("{p0}:meta", "fence");
      await stores.redis.hset("{p0}:meta", "fence", String(fence).replace(/:\d{13}:/, ":1:"));
      expect(await rebuildPartition(0, other, FENCED)).toMatchObject({ kind: "rebuilt" });
    }
    expect(await lasting(stores.redis)).toEqual(before);
  });

  test("leaves an open partition, and another store's data, alone", async () => {
    await initialize(stores.store, "p1", 10);
    expect(await rebuildPartition(0, use, FENCED)).toEqual({ kind: "open" });
    await stores.redis.hset("{p0}:meta", "storeId", "another store");
    const before = await dump(stores.redis);
    expect(await rebuildPartition(0, use, ANY)).toEqual({ kind: "foreign" });
    expect(await dump(stores.redis)).toEqual(before);
  });

  test("waits while another Redis server is in use for this store", async () => {
    await initialize(stores.store, "p1", 10);
    await drained();
    await db.sql`INSERT INTO servers_in_use (partition, run_id) VALUES (0, 'another')`;
    const before = await dump(stores.redis);
    const outcome = await rebuildPartition(0, use, ANY);
    expect(outcome).toMatchObject({ kind: "waits", reason: expect.stringContaining("another") });
    expect(await dump(stores.redis)).toEqual(before);
    await db.sql`UPDATE servers_in_use SET seen_at = now() - interval '6 seconds'`;
    expect(await rebuildPartition(0, use, ANY)).toMatchObject({ kind: "rebuilt" });
  });

  test("waits while a movement is in quarantine", async () => {
    await initialize(stores.store, "p1", 10);
    await drained();
    await db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error)
      VALUES (0, 1, 1, '{}', 'why')`;
    const outcome = await rebuildPartition(0, use, ANY);
    expect(outcome).toMatchObject({ kind: "waits", reason: expect.stringContaining("quarantine") });
    await db.sql`UPDATE quarantine SET settled_at = now()`;
    expect(await rebuildPartition(0, use, ANY)).toMatchObject({ kind: "rebuilt" });
  });

  test("waits where the journal does not follow the ledger, unless that is to be given up", async () => {
    await initialize(stores.store, "p1", 10);
    await drained();
    await stores.store.adjust(adjustCommand("p1", 5));
    const [entry] = await stores.redis.xrevrange("{p0}:journal", "+", "-", "COUNT", 1);
    await stores.store.adjust(adjustCommand("p1", 5));
    await stores.redis.xdel("{p0}:journal", String(entry?.[0]));
    const outcome = await rebuildPartition(0, use, ANY);
    expect(outcome).toMatchObject({ kind: "waits", reason: expect.stringContaining("movement 3") });
    const forced = await rebuildPartition(0, use, { ...ANY, discards: true });
    expect(forced).toMatchObject({ kind: "rebuilt", seq: 1, missing: { from: 2, to: 3 } });
    const [report] = await bed.reports();
    expect(report).toMatchObject({ kind: "rebuilt", from_seq: 2, to_seq: 3 });
    // The process that was told of them says which they were.
    await until(async () => (await bed.reports()).length === 2, { withinMs: 5_000, what: "told" });
    expect(await bed.reports()).toMatchObject([
      { kind: "rebuilt" },
      { kind: "lost", from_seq: 2, to_seq: 3 },
    ]);
    expect(await totals(stores.store, "p1")).toMatchObject({ onHand: 10 });
  });

  test("of a hold that fell due meanwhile leaves it to expiry, at once", async () => {
    await initialize(stores.store, "p1", 10);
    await reserve(stores.store, "o1", { p1: 3 });
    await drained();
    await db.sql`UPDATE reservations SET expires_at = date_trunc('second', now() - interval '1 day')`;
    await stores.redis.flushall();
    await expect(totals(stores.store, "p1")).rejects.toMatchObject({ code: "partition_fenced" });
    await rebuildPartition(0, use, FENCED);
    await until(async () => (await stores.store.expire(0)).expired === 1, {
      withinMs: 5_000,
      what: "it is released",
    });
    expect(await totals(stores.store, "p1")).toMatchObject({ onHand: 10, reserved: 0 });
  });

  test("voids what an older server would still bring into the ledger", async () => {
    await initialize(stores.store, "p1", 10);
    await drained();
    const cursor = await use.ledgerWriter.cursor(0);
    await rebuildPartition(0, use, ANY);
    const after = await use.ledgerWriter.cursor(0);
    expect(after.seq).toBe(cursor.seq);
    expect(after.epoch).toBeGreaterThan(cursor.epoch);
    expect(await keysLike(stores.redis, "{p0}:journal")).toEqual([]);
  });
});

describe("restore", () => {
  const restore = (...args: string[]) =>
    runMain(["restore", ...args], { REDIS_URL: redis.url, DATABASE_URL: db.url, HOME: tmpdir() });

  test("says what it would do and changes nothing; with --apply it does it", async () => {
    await fill();
    await drained();
    const before = await lasting(stores.redis);
    await stores.redis.flushall();
    const looked = await restore();
    expect(looked).toMatchObject({ code: 0 });
    expect(looked.output).toMatch(/partition 0: Redis holds (nothing|epoch 0).*the ledger is at/);
    expect(looked.output).toContain("3 products and 6 live holds would be written");
    expect(looked.output).toContain("nothing was changed: --apply does it");
    // The process that is there may have fenced it meanwhile.
    const keys = await keysLike(stores.redis);
    expect(keys.filter((key) => key !== "{p0}:meta")).toEqual([]);
    const applied = await restore("--apply");
    expect(applied).toMatchObject({ code: 0 });
    expect(applied.output).toContain(
      "partition 0: 3 products and 6 live holds written; 0 movements",
    );
    expect(await lasting(stores.redis)).toEqual(before);
    await until(() => stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
    expect(await totals(stores.store, "p3")).toMatchObject({ onHand: 0 });
  });

  test("tells what it cannot do, and what it does not understand", async () => {
    await stores.redis.hset("{p0}:meta", "storeId", "another store");
    const foreign = await restore("--apply");
    expect(foreign.code).toBe(1);
    expect(foreign.output).toContain("another store's data: nothing was written");
    expect((await restore("--partition", "7")).output).toContain("there is no partition 7");
    for (const args of [["--partition", "x"], ["--partition", "7"], ["--aply"], ["now"]]) {
      const { code, output } = await restore(...args);
      expect(code).toBe(2);
      expect(output).toContain("bun run restore --help");
    }
    expect(await restore("--help")).toMatchObject({ code: 0 });
  });
});
