import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { StockStore } from "#inventory/ports";
import type { RecoveryReport } from "#inventory/rebuild-ports";
import { BOUNDED_VERBS, prepare, VERBS } from "#test/batches";
import { wordsOfHeader } from "#test/answers";
import { expectFenced as expectFencedIn } from "#test/fenced";
import { dump, keysLike } from "#test/keyspace";
import { redisOfFile, scriptOf, sendBatch } from "#test/redis";
import {
  adjustCommand,
  endCommand,
  initialize,
  memoryEpochs,
  openStore,
  reserve,
  soon,
  totals,
} from "#test/store";
import { until } from "#test/until";

const { redis, server, open } = await redisOfFile();
const appendOnlyFiles = join(server.folder, "appendonlydir");

const epochNow = async (): Promise<number> => Number(await redis.hget("{p0}:meta", "epoch"));

const expectFenced = (store: StockStore): Promise<void> => expectFencedIn(redis, store);

describe.each(VERBS)("%s", (verb) => {
  const stale: [what: string, harm: () => Promise<unknown>, header: object][] = [
    ["of an older epoch", () => redis.hset("{p0}:meta", "epoch", "2"), {}],
    ["of a newer epoch", async () => {}, { epoch: 2 }],
    ["of a process that has seen a higher seq", async () => {}, { mark: 99 }],
    ["on a fenced partition", () => redis.hset("{p0}:meta", "fence", "token"), {}],
    ["on an empty Redis", () => redis.flushall(), {}],
    ["on a Redis without meta", () => redis.rename("{p0}:meta", "{p0}:lost"), {}],
  ];
  for (const [what, harm, header] of stale) {
    test(`${what} answers stale and changes nothing`, async () => {
      const { store } = await open();
      const { lines } = await prepare(store);
      await harm();
      const before = await dump(redis);
      expect(await sendBatch(redis, verb, { ...header, keep: 1 }, lines[verb])).toBe("stale");
      expect(await dump(redis)).toEqual(before);
      // The laws are held against a partition that is whole.
      if ("{p0}:lost" in before) await redis.rename("{p0}:lost", "{p0}:meta");
    });
  }

  test("answers each of the words that may stand for a whole answer", async () => {
    const { store } = await open();
    const { lines } = await prepare(store);
    const words = new Set<string>();
    const send = async (header: Parameters<typeof sendBatch>[2]): Promise<void> => {
      const answer = await sendBatch(redis, verb, header, lines[verb]);
      if (!answer.startsWith("ok\t")) words.add(answer);
    };
    await send({ epoch: 2 });
    await send({ journalEntriesMax: 1, number: 3, keep: 1 });
    await send({ number: 4, keep: 1 });
    await send({ number: 3 });
    expect([...words].toSorted()).toEqual([...wordsOfHeader(scriptOf(verb)).whole]);
    expect(words.has("full")).toBe(BOUNDED_VERBS.includes(verb));
  });
});

describe("a server that started again", () => {
  test("with its data begins an epoch, and the journal's ids and seqs go on", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 });
    const epoch = await epochNow();
    await server.restart();
    expect((await store.confirm(endCommand(hold.reservationId))).kind).toBe("done");
    expect(await epochNow()).toBe(epoch + 1);
    const ids = (await redis.xrange("{p0}:journal", "-", "+")).map(([id]) => id);
    expect(ids).toEqual([`${epoch}-1`, `${epoch}-2`, `${epoch + 1}-3`]);
    expect(await totals(store, "p1")).toEqual({ onHand: 45, reserved: 0, available: 45 });
  });

  test("after a crash has all that was acknowledged", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const holds = await Promise.all(
      Array.from({ length: 20 }, (_, i) => reserve(store, `o${i}`, { p1: 1 })),
    );
    await server.kill();
    await server.restart();
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 20, available: 30 });
    for (const { reservationId } of holds) {
      expect(await store.reservation(reservationId, soon())).toMatchObject({ status: "ACTIVE" });
    }
  });

  test("begins one epoch, however many processes find it", async () => {
    const epochs = memoryEpochs();
    const stores = await Promise.all([open({ epochs }), open({ epochs }), open({ epochs })]);
    const [{ store }] = stores;
    await initialize(store, "p1", 50);
    await server.restart();
    const outcomes = await Promise.all(stores.map((it) => it.store.adjust(adjustCommand("p1", 1))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["adjusted", "adjusted", "adjusted"]);
    const [first] = stores.map(({ partitions }) => partitions[0]?.epoch);
    expect(stores.map(({ partitions }) => partitions[0]?.epoch)).toEqual([first, first, first]);
    expect(await epochNow()).toBe(first ?? 0);
  });
});

describe("a server that lost data", () => {
  /** Whoever comes later finds the fence, and nothing else was written. */
  const expectOnlyFence = async () => {
    expect(await keysLike(redis)).toEqual(["{p0}:meta"]);
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:1");
    await expect(openStore(server.url, { openWithinMs: 500 })).rejects.toThrow();
  };

  test("by FLUSHALL is fenced by a process that knew it, for every process", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await redis.flushall();
    await expectFenced(store);
    await expectOnlyFence();
  });

  test("by an empty folder is fenced by a process that knew it, for every process", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await server.kill();
    rmSync(appendOnlyFiles, { recursive: true });
    await server.restart();
    await expectFenced(store);
    await expectOnlyFence();
  });

  test("by a restored older disk is fenced, and nothing is sold twice", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const copy = join(server.folder, "copy");
    cpSync(appendOnlyFiles, copy, { recursive: true });
    await reserve(store, "o1", { p1: 50 });
    await server.kill();
    rmSync(appendOnlyFiles, { recursive: true });
    cpSync(copy, appendOnlyFiles, { recursive: true });
    await server.restart();
    await expectFenced(store);
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:2");
    expect(await redis.hget("{p0}:stock:p1", "reserved:Warehouse A")).toBe("0");
  });

  test("of an earlier epoch than the ledger heard of is fenced, and so is an empty one", async () => {
    const epochs = memoryEpochs();
    const ahead = {
      ...epochs,
      begin: ((partition, runId, ask) =>
        epochs.begin(partition, runId, (epoch) =>
          ask(epoch, { epoch: 2, seq: 0 }),
        )) satisfies typeof epochs.begin,
    };
    const fenced = () => openStore(server.url, { epochs: ahead, openWithinMs: 500 });
    await expect(fenced()).rejects.toThrow();
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:0");
    await redis.flushall();
    const { store } = await open();
    await initialize(store, "p1", 10);
    await redis.hset("{p0}:meta", "runId", "another start");
    await expect(fenced()).rejects.toThrow();
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:0");
    expect(await sendBatch(redis, "expire", {})).toBe("stale");
  });

  test("and went on in a later epoch is fenced by a process that was told more", async () => {
    const { store, partitions, redis: connection } = await open();
    await initialize(store, "p1", 50);
    for (let i = 0; i < 5; i += 1) await reserve(store, `o${i}`, { p1: 1 });
    const { epoch = "" } = await redis.hgetall("{p0}:meta");
    // Rolled back to seq 3, begun anew by somebody who never knew more, and then written on.
    await redis.hset("{p0}:meta", "epoch", "9", "beganAt", "3", "seq", "40");
    connection.disconnect(true);
    const isFenced = () => partitions[0]?.state === "fenced";
    await until(isFenced, { withinMs: 5_000, what: "the partition is fenced" });
    await expectFenced(store);
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:6");
    // As it was, so that the sums can be held against each other.
    await redis.hset("{p0}:meta", "epoch", epoch, "beganAt", "0", "seq", "6");
  });

  test("and went on in two later epochs is fenced by where the first of them began", async () => {
    const epochs = { ...memoryEpochs(), beganAfter: async () => [{ epoch: 8, beganAt: 3 }] };
    const { store, partitions, redis: connection } = await open({ epochs });
    await initialize(store, "p1", 50);
    for (let i = 0; i < 5; i += 1) await reserve(store, `o${i}`, { p1: 1 });
    const { epoch = "" } = await redis.hgetall("{p0}:meta");
    // Epoch 8 began at seq 3, as the ledger noted, and went on beyond all that was known before.
    await redis.hset("{p0}:meta", "epoch", "9", "beganAt", "20", "seq", "40");
    connection.disconnect(true);
    const isFenced = () => partitions[0]?.state === "fenced";
    await until(isFenced, { withinMs: 5_000, what: "the partition is fenced" });
    await expectFenced(store);
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:6");
    // As it was, so that the sums can be held against each other.
    await redis.hset("{p0}:meta", "epoch", epoch, "beganAt", "0", "seq", "6");
  });

  test("and was rebuilt after an epoch that had gone on whole: what is lost is told by id", async () => {
    const reports: RecoveryReport[] = [];
    const began = [
      { epoch: 2, beganAt: 3 },
      { epoch: 3, beganAt: 1 },
    ];
    const epochs = {
      ...memoryEpochs(),
      beganAfter: async () => began,
      report: async (report: RecoveryReport) => void reports.push(report),
    };
    await using opened = await openStore(server.url, { epochs });
    await initialize(opened.store, "p1", 50);
    await reserve(opened.store, "o1", { p1: 1 });
    await reserve(opened.store, "o2", { p1: 1 });
    // Epoch 2 had all three, and was lost before the ledger did: epoch 3 began with the first.
    await redis.hset("{p0}:meta", "epoch", "3", "beganAt", "1", "rebuilt", "3");
    opened.redis.disconnect(true);
    await until(() => reports.length > 0, { withinMs: 5_000, what: "the loss is reported" });
    expect(reports[0]).toMatchObject({ kind: "lost", epoch: 1, missing: { from: 2, to: 3 } });
    expect(reports[0]?.operations.map(({ seq }) => seq)).toEqual([2, 3]);
    // As it was, so that the sums can be held against each other.
    await redis.hset("{p0}:meta", "epoch", "1", "beganAt", "0", "rebuilt", "0");
  });

  test("behind the ledger is fenced by a process that never knew it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const epochs = memoryEpochs();
    const ahead = {
      ...epochs,
      begin: ((partition, runId, ask) =>
        epochs.begin(partition, runId, (epoch) =>
          ask(epoch, { epoch: 0, seq: 2 }),
        )) satisfies typeof epochs.begin,
    };
    await redis.hset("{p0}:meta", "runId", "another start");
    const opening = openStore(server.url, { epochs: ahead, openWithinMs: 500 });
    await expect(opening).rejects.toThrow();
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:2");
    expect(await sendBatch(redis, "expire", {})).toBe("stale");
  });
});

test("another store's data is fenced, never touched", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await redis.hset("{p0}:meta", "storeId", "another store", "epoch", "9");
  const before = await dump(redis);
  await expectFenced(store);
  expect(await dump(redis)).toEqual(before);
});

test("a fence that somebody has claimed says that it is rebuilt, any other that something is missing", async () => {
  const said = async (fence: string) => {
    const { store, lines } = await open();
    await redis.hset("{p0}:meta", "fence", fence);
    await expectFenced(store);
    await redis.hdel("{p0}:meta", "fence");
    const told = lines.map((line): unknown => JSON.parse(line));
    expect(told).toMatchObject([{ partition: 0, fence }]);
    return told;
  };
  const claimed = { level: "warn", message: "a partition is being rebuilt from the ledger" };
  expect(await said("rebuild:token:99999999999999:")).toMatchObject([claimed]);
  const message = "Redis lacks what was acknowledged; the partition is fenced";
  expect(await said("behind:9")).toMatchObject([{ level: "error", message }]);
});

test("the fence of a rebuild stays until the rebuild lifts it; then sales go on", async () => {
  const { store, partitions } = await open();
  await initialize(store, "p1", 50);
  await redis.hset("{p0}:meta", "fence", "token-of-a-rebuild");
  await expectFenced(store);
  await server.restart();
  await expectFenced(store);
  expect(await redis.hget("{p0}:meta", "fence")).toBe("token-of-a-rebuild");
  await redis.hdel("{p0}:meta", "fence");
  await until(() => partitions[0]?.state === "open", {
    withinMs: 5_000,
    what: "the store found the fence lifted",
  });
  expect((await store.adjust(adjustCommand("p1", 1))).kind).toBe("adjusted");
});
