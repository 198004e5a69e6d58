/** Rebuilds that race: several processes, several servers, several restarts. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { Rebuilding } from "#compose/rebuild";
import { ClaimLost } from "#inventory/rebuild-ports";
import { createLog } from "#lib/log";
import { rebuildPartition, type RebuildOptions } from "#workers/rebuild";
import { Rebuilder, REBUILDS_AT_ONCE } from "#workers/rebuilder";
import { adjustCommand, initializeCommand } from "#test/commands";
import { NEVER_MS, openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { startRedis } from "#test/servers";
import { runMain } from "#test/service";
import { initialize, reserve, totals } from "#test/store";
import { until } from "#test/until";

const redis = await startRedis();
let bed: RebuildBed;

afterEach(() => bed[Symbol.asyncDispose]());
afterAll(() => redis.stop());

const FENCED: RebuildOptions = { which: "fenced", discards: false };
const ANY: RebuildOptions = { which: "any", discards: false };
const META = "{p0}:meta";

const opened = (partition = 0): Promise<unknown> =>
  until(() => bed.stores.partitions[partition]?.state === "open", {
    withinMs: 5_000,
    what: "the partition is open",
  });
const fenced = (partition = 0): Promise<unknown> =>
  until(() => bed.stores.partitions[partition]?.state === "fenced", {
    withinMs: 5_000,
    what: "the partition is fenced",
  });

describe("what a process acknowledged", () => {
  test("is missed after several restarts too, and reported once", async () => {
    bed = await openRebuildBed(redis.url);
    await using other = await bed.anotherProcess();
    const { stores, use } = bed;
    await initialize(stores.store, "p1", 10);
    await bed.drained();
    const folder = join(redis.folder, "appendonlydir");
    const copy = join(redis.folder, "copy");
    cpSync(folder, copy, { recursive: true });
    // One that sells, and hears nothing of what comes.
    for (let i = 0; i < 5; i += 1) await other.store.adjust(adjustCommand("p1", 1));
    other.redis.disconnect();
    stores.redis.disconnect();
    await redis.kill();
    rmSync(folder, { recursive: true });
    cpSync(copy, folder, { recursive: true });
    await redis.restart();
    // This one has seen nothing of it; and the ledger says nothing against the older server.
    const [partition] = stores.partitions;
    if (partition) partition.mark = 0;
    await stores.redis.connect();
    await opened();
    for (let i = 0; i < 9; i += 1) await stores.store.adjust(adjustCommand("p1", 1));
    await redis.restart();
    await until(async () => (await stores.redis.hget(META, "seq")) === "10", {
      withinMs: 5_000,
      what: "Redis is back",
    });
    await opened();
    await bed.drained();
    await other.redis.connect();
    await until(() => other.partitions[0]?.state === "fenced", {
      withinMs: 5_000,
      what: "it misses what it acknowledged",
    });
    await bed.db.sql`DELETE FROM servers_in_use`;
    expect(await rebuildPartition(0, use, FENCED)).toMatchObject({ kind: "rebuilt", seq: 10 });
    await until(async () => (await bed.reports()).some(({ kind }) => kind === "lost"), {
      withinMs: 5_000,
      what: "it reports",
    });
    const lost = (await bed.reports()).filter(({ kind }) => kind === "lost");
    expect(lost).toHaveLength(1);
    expect(lost[0]).toMatchObject({ from_seq: 2, to_seq: 6 });
    expect(lost[0]?.["operations"]).toHaveLength(5);
    // Nothing of that history is told again after the next loss.
    await opened();
    await stores.redis.flushall();
    await fenced();
    expect(await rebuildPartition(0, use, FENCED)).toMatchObject({ kind: "rebuilt" });
    await opened();
    expect((await bed.reports()).filter(({ kind }) => kind === "lost")).toHaveLength(1);
  });

  test("is missed though the epoch that followed was never noted by who began it", async () => {
    bed = await openRebuildBed(redis.url);
    const { stores, db } = bed;
    await initialize(stores.store, "p1", 10);
    await db.sql`DELETE FROM epochs`;
    // A process that comes later finds the epoch, and notes it.
    await using _ = await bed.anotherProcess();
    const rows = await db.sql`SELECT epoch, began_at_seq FROM epochs`;
    expect(rows.map((row) => ({ ...row }))).toEqual([{ epoch: 1, began_at_seq: 0 }]);
  });
});

describe("a restore", () => {
  test("that waits leaves a shop that sells as it was", async () => {
    bed = await openRebuildBed(redis.url);
    const { stores, use, db } = bed;
    await initialize(stores.store, "p1", 10);
    await bed.drained();
    await db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error)
      VALUES (0, 1, 1, '{}', 'why')`;
    expect(await rebuildPartition(0, use, ANY)).toMatchObject({ kind: "waits" });
    expect(await stores.redis.hget(META, "fence")).toBeNull();
    await opened();
    expect((await stores.store.adjust(adjustCommand("p1", 1))).kind).toBe("adjusted");
  });

  test("that fails before anything was written leaves a shop that sells as it was", async () => {
    bed = await openRebuildBed(redis.url);
    const { stores, use } = bed;
    await initialize(stores.store, "p1", 10);
    const away = () => Promise.reject(new Error("PostgreSQL is away"));
    const failing = { ...use, ledgerWriter: { ...use.ledgerWriter, cursor: away } };
    await expect(rebuildPartition(0, failing, ANY)).rejects.toThrow("PostgreSQL is away");
    expect(await stores.redis.hget(META, "fence")).toBeNull();
  });

  test("writes more low products, and more holds of one second, than one call takes", async () => {
    bed = await openRebuildBed(redis.url);
    const { stores, use } = bed;
    const ids = Array.from({ length: 2_300 }, (_, i) => `low-${i}`);
    await Promise.all(ids.map((id) => initialize(stores.store, id, 1)));
    await bed.drained();
    const before = await stores.redis.zrange("{p0}:low", "0", "-1", "WITHSCORES");
    expect(before).toHaveLength(4_600);
    expect(await rebuildPartition(0, use, ANY)).toMatchObject({ kind: "rebuilt" });
    expect(await stores.redis.zrange("{p0}:low", "0", "-1", "WITHSCORES")).toEqual(before);
  });

  test("that slept past its claim stops, and leaves what another rebuilt alone", async () => {
    bed = await openRebuildBed(redis.url);
    const { stores, use } = bed;
    await initialize(stores.store, "p1", 10);
    await bed.drained();
    const another = bed.anotherRebuilder();
    let cursors = 0;
    const slow = {
      ...use,
      ledgerWriter: {
        ...use.ledgerWriter,
        cursor: async (partition: number) => {
          cursors += 1;
          // Meanwhile its claim runs out, and another does the work.
          await stores.redis.hset(META, "fence", "behind:1");
          expect(await rebuildPartition(0, another, FENCED)).toMatchObject({ kind: "rebuilt" });
          return await use.ledgerWriter.cursor(partition);
        },
      },
    };
    await expect(rebuildPartition(0, slow, ANY)).rejects.toThrow(ClaimLost);
    expect(cursors).toBe(1);
    expect(await stores.redis.hget(META, "fence")).toBeNull();
  });

  test("is not sealed but where the ledger stands: what came meanwhile is not written over", async () => {
    bed = await openRebuildBed(redis.url, 1, { attendEveryMs: NEVER_MS });
    const { db, use } = bed;
    await reserveOne();
    await bed.drained();
    const seq = await db.count("SELECT cursor_seq FROM partitions");
    const runId = await use.rebuild.runId();
    const sealed: boolean[] = [];
    await use.epochs.begin(0, runId, async (epoch) => {
      for (const at of [seq - 1, seq + 1, seq]) {
        sealed.push(await use.ledger.seal(0, epoch, at, runId));
      }
      return { kind: "begun", epoch, seq };
    });
    expect(sealed).toEqual([false, false, true]);
  });

  test("is not opened on another server than the one that was written", async () => {
    bed = await openRebuildBed(redis.url, 1, { attendEveryMs: NEVER_MS });
    const { stores, use } = bed;
    await reserveOne();
    await bed.drained();
    const replaced = {
      ...use,
      rebuild: {
        ...use.rebuild,
        runId: () => Promise.resolve("an-older-copy-that-was-promoted"),
      },
    };
    await expect(rebuildPartition(0, replaced, ANY)).rejects.toThrow(ClaimLost);
    expect(await stores.redis.hget(META, "fence")).toMatch(/^rebuild:/);
  });
});

async function reserveOne(): Promise<void> {
  await initialize(bed.stores.store, "p1", 10);
  await reserve(bed.stores.store, "o1", { p1: 1 });
}

test("a server that the ledger does not follow any more is fenced by who uses it", async () => {
  bed = await openRebuildBed(redis.url);
  const { stores, db } = bed;
  await initialize(stores.store, "p1", 10);
  await bed.drained();
  // Another server began an epoch, and the ledger goes on with that one.
  await db.sql`UPDATE partitions SET epoch = 7, cursor_epoch = 7`;
  await db.sql`INSERT INTO epochs (partition, epoch, began_at_seq, run_id) VALUES (0, 7, 1, 'other')`;
  await fenced();
  await expect(totals(stores.store, "p1")).rejects.toMatchObject({ code: "partition_fenced" });
});

test("a SKU is not free while the partition of its product is still to be rebuilt", async () => {
  bed = await openRebuildBed(redis.url, 2);
  const { stores, use } = bed;
  const inPartition = (number: number): string =>
    Array.from({ length: 50 }, (_, i) => `sku-holder-${i}`).find(
      (id) => stores.store.partitionOf(id) === number,
    ) ?? "";
  const [holder, rival] = [inPartition(1), inPartition(0)];
  await initialize(stores.store, holder, 1);
  await bed.drained();
  const { sku } = initializeCommand(holder, 1);
  await stores.redis.flushall();
  await Promise.all([fenced(0), fenced(1)]);
  expect(await rebuildPartition(0, use, FENCED)).toMatchObject({ kind: "rebuilt" });
  await opened(0);
  const taking = stores.store.initialize(initializeCommand(rival, 1, { sku }));
  await expect(taking).rejects.toMatchObject({ code: "partition_fenced" });
  expect(await rebuildPartition(1, use, FENCED)).toMatchObject({ kind: "rebuilt" });
  await opened(1);
  const outcome = await stores.store.initialize(initializeCommand(rival, 1, { sku }));
  expect(outcome).toMatchObject({ kind: "sku_taken", productId: holder });
});

describe("of many fenced partitions", () => {
  const [BROKEN, WAITING] = [0, 1];
  const all = Array.from({ length: REBUILDS_AT_ONCE + 3 }, (_, number) => number);
  const others = all.filter((partition) => partition !== BROKEN && partition !== WAITING);

  test("as many as may be at hand are rebuilt in one wait, and who cannot be holds up none", async () => {
    bed = await openRebuildBed(redis.url, all.length);
    const { stores, use, db } = bed;
    await initialize(stores.store, "p1", 10);
    await bed.drained();
    await stores.redis.flushall();
    await Promise.all(all.map(fenced));
    // Of what is tried first nearly each has to wait for another server, by itself.
    for (const partition of all.slice(WAITING + 1, REBUILDS_AT_ONCE)) {
      await db.sql`INSERT INTO servers_in_use (partition, run_id, seen_at)
        VALUES (${partition}, 'another', now() - interval '1 minute')`;
    }
    await db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error)
      VALUES (${WAITING}, 1, 1, '{}', 'why')`;

    const claimed = async (): Promise<number> => {
      const metas = all.map((partition) => stores.redis.hget(`{p${partition}}:meta`, "fence"));
      return (await Promise.all(metas)).filter((fence) => fence?.startsWith("rebuild:")).length;
    };
    let most = 0;
    let together: Promise<unknown> | null = null;
    let isBroken = true;
    const rebuild: Rebuilding["rebuild"] = {
      ...use.rebuild,
      async claim(partition, which) {
        const answer = await use.rebuild.claim(partition, which);
        most = Math.max(most, await claimed());
        // Whoever came one after the other would never have waited all at once.
        together ??= until(async () => (await claimed()) === REBUILDS_AT_ONCE, {
          withinMs: 10_000,
          what: "all that may be at hand are claimed",
        });
        await together;
        return answer;
      },
    };
    const ledgerWriter: Rebuilding["ledgerWriter"] = {
      ...use.ledgerWriter,
      cursor: (partition) =>
        partition === BROKEN && isBroken
          ? Promise.reject(new Error("it is broken"))
          : use.ledgerWriter.cursor(partition),
    };
    const lines: string[] = [];
    const told = (partition: number, message: string): number =>
      lines.filter((line) => line.includes(`"partition":${partition},`) && line.includes(message))
        .length;
    await using _ = new Rebuilder({
      ...use,
      rebuild,
      ledgerWriter,
      fenced: () => all.filter((number) => stores.partitions[number]?.state === "fenced"),
      onRebuilt: () => undefined,
      log: createLog({ level: "info", format: "json", write: (line) => void lines.push(line) }),
    });
    const areOpen = (partitions: readonly number[]) =>
      until(() => partitions.every((number) => stores.partitions[number]?.state === "open"), {
        withinMs: 20_000,
        what: `the partitions ${partitions.join()} are open`,
      });
    await areOpen(others);
    for (const partition of others) expect(told(partition, "was rebuilt")).toBe(1);
    expect(most).toBe(REBUILDS_AT_ONCE);
    expect(told(WAITING, "a fenced partition waits")).toBe(1);
    expect(told(BROKEN, "it is broken")).toBeGreaterThan(0);
    expect(told(BROKEN, "was rebuilt") + told(WAITING, "was rebuilt")).toBe(0);
    isBroken = false;
    await db.sql`UPDATE quarantine SET settled_at = now()`;
    await areOpen(all);
    expect(await totals(stores.store, "p1")).toMatchObject({ onHand: 10 });
  }, 60_000);
});

test("a restore writes several partitions at once, and all but those that wait", async () => {
  bed = await openRebuildBed(redis.url, 3);
  const { stores, db } = bed;
  await initialize(stores.store, "p1", 10);
  await bed.drained();
  await db.sql`INSERT INTO servers_in_use (partition, run_id, seen_at)
    VALUES (0, 'another', now() - interval '1 minute')`;
  await db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error)
    VALUES (1, 1, 1, '{}', 'why')`;
  const env = { REDIS_URL: redis.url, DATABASE_URL: db.url, PARTITIONS: "3" };
  const { code, output } = await runMain(["restore", "--apply"], env);
  // The first one had to wait for the other server, and nobody waited for it.
  expect(output).toMatch(/^partition 1: it waits: .*quarantine/m);
  expect(output).toMatch(/^partition 2: \d+ products and /m);
  expect(output).toMatch(/^partition 0: \d+ products and .*\n1 of the partitions could not be/m);
  expect(code).toBe(1);
}, 60_000);
