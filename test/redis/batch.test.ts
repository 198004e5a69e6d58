import { describe, expect, test } from "bun:test";
import { totalsOf } from "#inventory/model";
import { reservationIdOf } from "#inventory/reservation-id";
import { changeLine, reserveLine } from "#redis/lines";
import { QUEUE_ITEMS_MAX } from "#redis/batch";
import { prepare, VERBS } from "#test/batches";
import { dump, withoutClock } from "#test/keyspace";
import { clockAt, redisOfFile, repliesOf, sendBatch } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  amendLocationCommand,
  endCommand,
  extendCommand,
  initialize,
  initializeCommand,
  product,
  productOf,
  registerLocationCommand,
  reserve,
  reserveCommand,
  returnCommand,
  sellCommand,
  soon,
  totals,
  transferCommand,
  countCommand,
} from "#test/store";
import { until } from "#test/until";

const { redis, server, open } = await redisOfFile();

/** Changes that Redis has counted, of any key: what a batch costs the append-only file. */
async function changes(): Promise<number> {
  const info = await redis.info("persistence");
  return Number(/rdb_changes_since_last_save:(\d+)/.exec(info)?.[1]);
}

async function scriptCalls(): Promise<number> {
  const info = await redis.info("commandstats");
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
}

describe.each(VERBS)("a batch of %s", (verb) => {
  test("that is sent twice under its name has one effect, and both copies one answer", async () => {
    const { store } = await open();
    const { hold, lines } = await prepare(store);
    if (verb === "expire") await clockAt(redis, hold.expiresAt);
    const before = await dump(redis);
    const first = await sendBatch(redis, verb, { number: 7 }, lines[verb]);
    const after = await dump(redis);
    expect(after).not.toEqual(before);
    expect(await sendBatch(redis, verb, { number: 7, keep: 1 }, lines[verb])).toBe(first);
    expect(await dump(redis)).toEqual(after);
  });

  test("that arrives after its successor changes nothing", async () => {
    const { store } = await open();
    const { hold, lines } = await prepare(store);
    // The successor changes nothing itself; it keeps its answer because a copy may be on its way.
    await clockAt(redis, hold.createdAt + 10_000);
    await sendBatch(redis, "expire", { slot: "settling" });
    await sendBatch(redis, verb, { number: 8, keep: 1 }, []);
    if (verb === "expire") await clockAt(redis, hold.expiresAt);
    const before = await dump(redis);
    expect(await sendBatch(redis, verb, { number: 7 }, lines[verb])).toBe("superseded");
    expect(await dump(redis)).toEqual(before);
    // Another slot, another writer and the next number are not the same batch.
    const answer = await sendBatch(redis, verb, { number: 9 }, lines[verb]);
    expect(answer).toStartWith("ok\t");
    expect(await dump(redis)).not.toEqual(before);
  });
});

test("a batch whose items are all refused writes nothing, not even its answer", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const { reservationId } = await reserve(store, "o1", { p1: 5 });
  await store.cancel(endCommand(reservationId));
  await store.expire(0);
  const before = { dump: await dump(redis), changes: await changes() };
  const refused = await Promise.all([
    store.initialize(initializeCommand("p1", 1)),
    store.adjust(adjustCommand("p1", -6)),
    store.adjust(adjustCommand("p1", 1, { expectedQuantity: 7 })),
    store.adjust(adjustCommand("nothing", 1)),
    store.amend(amendCommand("p1", { name: "x" }, { expectedSeq: 99 })),
    store.reserve(reserveCommand("o2", { nothing: 1 })),
    store.confirm(endCommand(reservationId)),
    store.cancel(endCommand(reservationId)),
    store.extend(extendCommand(reservationId, 60)),
  ]);
  expect(refused.map(({ kind }) => kind)).toEqual([
    "exists",
    "below_reserved",
    "expected_mismatch",
    "unknown_product",
    "expected_mismatch",
    "unknown_product",
    "cancelled",
    "cancelled",
    "cancelled",
  ]);
  expect({ dump: await dump(redis), changes: await changes() }).toEqual(before);
});

test("commands of one turn share few script calls, and each call is one journal entry", async () => {
  const { store } = await open();
  await initialize(store, "p1", 1_000);
  const calls = await scriptCalls();
  const entries = await redis.xlen("{p0}:journal");
  await Promise.all(Array.from({ length: 256 }, (_, i) => reserve(store, `o${i}`, { p1: 1 })));
  const called = (await scriptCalls()) - calls;
  expect(called).toBeLessThanOrEqual(8);
  expect((await redis.xlen("{p0}:journal")) - entries).toBe(called);
});

test("each caller of a batch hears what became of its own item", async () => {
  const { store } = await open();
  await initialize(store, "p1", 0);
  await store.adjust(adjustCommand("p1", 10));
  const calls = await scriptCalls();
  const added = Array.from({ length: 9 }, (_, i) => i + 1);
  const outcomes = await Promise.all(
    added.map((units) => store.adjust(adjustCommand(units % 3 === 0 ? "nothing" : "p1", units))),
  );
  expect((await scriptCalls()) - calls).toBe(1);
  const heard = outcomes.map((outcome) =>
    outcome.kind === "adjusted" ? totalsOf(outcome.product).onHand : outcome.kind,
  );
  const no = "unknown_product";
  expect(heard).toEqual([11, 13, no, 17, 22, no, 29, 37, no]);
});

test("an item that cannot be run fails alone, the others of its batch go through", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await redis.set("{p0}:stock:broken", "not a hash");
  const outcomes = await Promise.allSettled([
    store.reserve(reserveCommand("o1", { p1: 1 })),
    store.reserve(reserveCommand("o2", { broken: 1 })),
    store.reserve(reserveCommand("o3", { p1: 0 })),
    store.reserve(reserveCommand("o4", { p1: 2 })),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
  ]);
  expect((await totals(store, "p1")).reserved).toBe(3);
  expect(await redis.get("{p0}:stock:broken")).toBe("not a hash");
  await redis.del("{p0}:stock:broken");
});

describe("a deadline", () => {
  test("that has passed lets the command leave unsent", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const before = await dump(redis);
    const late = store.reserve(reserveCommand("o1", { p1: 1 }, { deadline: soon(-1) }));
    await expect(late).rejects.toMatchObject({ code: "redis_unavailable" });
    expect(await dump(redis)).toEqual(before);
  });

  test("that passes while Redis is away: told that nothing was sent, nothing is sent", async () => {
    const { store, partitions } = await open();
    await initialize(store, "p1", 50);
    await server.kill();
    await until(() => partitions[0]?.state === "closed", {
      withinMs: 5_000,
      what: "the store noticed that its server is gone",
    });
    const early = store.adjust(adjustCommand("p1", 1, { deadline: soon(100) }));
    const patient = store.adjust(adjustCommand("p1", 10, { deadline: soon(20_000) }));
    await expect(early).rejects.toMatchObject({ code: "redis_unavailable" });
    await server.restart();
    expect((await patient).kind).toBe("adjusted");
    expect((await totals(store, "p1")).onHand).toBe(60);
  });

  test("that passes while the answer is out: the outcome is unknown", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    server.pause();
    const sent = store.adjust(adjustCommand("p1", 1, { deadline: soon(200) }));
    await expect(sent).rejects.toMatchObject({ code: "outcome_unknown" });
    server.resume();
    expect((await store.adjust(adjustCommand("p1", 10))).kind).toBe("adjusted");
    // The copy that was out may have run or not; never more than once.
    expect([60, 61]).toContain((await totals(store, "p1")).onHand);
  });
});

test("a queue that is full refuses at once with overloaded, and keeps what it took", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const nobody = reservationIdOf(0, "0".repeat(32), "00000000");
  const over = 200;
  server.pause();
  const all = Promise.allSettled(
    Array.from({ length: QUEUE_ITEMS_MAX + over }, () =>
      store.confirm(endCommand(nobody, { deadline: soon(30_000) })),
    ),
  );
  server.resume();
  const outcomes = await all;
  const refused = outcomes.filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(over);
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: "overloaded" } });
  expect(store.pending).toBe(0);
});

test("no change is dated before the one before it, whatever the clock of the server says", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const last = Date.now() + 60_000;
  await clockAt(redis, last);
  await store.adjust(adjustCommand("p1", 1));
  expect((await productOf(store, "p1")).updatedAt).toBe(last);
  expect(await redis.hget("{p0}:meta", "lastNow")).toBe(String(last));
});

describe("a journal that is full", () => {
  test("refuses what would grow it, while confirm, cancel and expire go on", async () => {
    const { store } = await open({ journalEntriesMax: 4 });
    await initialize(store, "p1", 50);
    const sold = await reserve(store, "o1", { p1: 1 });
    const dropped = await reserve(store, "o2", { p1: 2 });
    const due = await reserve(store, "o3", { p1: 3 }, { holdSeconds: 60 });
    const before = await withoutClock(redis);
    const bounded = await Promise.allSettled([
      store.initialize(initializeCommand("p1", 1)),
      store.adjust(adjustCommand("p1", 1)),
      store.amend(amendCommand("p1", { name: "x" })),
      store.reserve(reserveCommand("o4", { p1: 1 })),
      store.sell(sellCommand("p1", 1)),
      store.return(returnCommand("p1", 1, { seq: 4, sold: 1, returned: 0 })),
      store.extend(extendCommand(sold.reservationId, 3_600)),
      store.transfer(transferCommand("p1", 1)),
      store.count(countCommand("p1", 51)),
      store.registerLocation(registerLocationCommand("Dock")),
      store.amendLocation(amendLocationCommand("Dock", { active: false })),
    ]);
    expect(bounded).toMatchObject(
      bounded.map(() => ({ status: "rejected", reason: { code: "journal_full" } })),
    );
    expect(await withoutClock(redis)).toEqual(before);
    expect((await store.confirm(endCommand(sold.reservationId))).kind).toBe("done");
    expect((await store.cancel(endCommand(dropped.reservationId))).kind).toBe("done");
    await clockAt(redis, due.expiresAt);
    expect(await store.expire(0)).toMatchObject({ expired: 1 });
    // The drain catches up: seq is 7 now.
    await redis.hset("{p0}:meta", "drained", "4");
    expect((await store.adjust(adjustCommand("p1", 1))).kind).toBe("adjusted");
    await expect(store.adjust(adjustCommand("p1", 1))).rejects.toMatchObject({
      code: "journal_full",
    });
  });
});

test("a script that Redis forgot is loaded again, and nobody notices", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await redis.script("FLUSH");
  const hold = await reserve(store, "o1", { p1: 5 });
  await redis.script("FLUSH");
  const outcomes = await Promise.all([
    store.cancel(endCommand(hold.reservationId)),
    store.adjust(adjustCommand("p1", 1)),
    store.product(product("p1"), soon()),
  ]);
  expect(outcomes).toMatchObject([{ kind: "done" }, { kind: "adjusted" }, {}]);
  expect(await totals(store, "p1")).toEqual({ onHand: 51, reserved: 0, available: 51 });
});

test("a Redis out of memory refuses what takes stock and still frees it", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const sold = await reserve(store, "o1", { p1: 5 });
  const dropped = await reserve(store, "o2", { p1: 5 });
  const due = await reserve(store, "o3", { p1: 5 }, { holdSeconds: 60 });
  await clockAt(redis, due.expiresAt);
  await redis.config("SET", "maxmemory", "1");
  try {
    await expect(store.reserve(reserveCommand("o4", { p1: 1 }))).rejects.toMatchObject({
      code: "redis_unavailable",
    });
    expect((await store.confirm(endCommand(sold.reservationId))).kind).toBe("done");
    expect((await store.cancel(endCommand(dropped.reservationId))).kind).toBe("done");
    expect(await store.expire(0)).toMatchObject({ expired: 1 });
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  expect(await totals(store, "p1")).toEqual({ onHand: 45, reserved: 0, available: 45 });
});

test("a header that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  const { hold, lines } = await prepare(store);
  const before = await dump(redis);
  for (const header of [
    { epoch: -1 },
    { mark: 1.5 },
    { number: Number.NaN },
    { writer: "a:b" },
    { writer: "" },
    { slot: "a:b" },
    { slot: "{p1}" },
    { journalEntriesMax: -1 },
  ]) {
    await expect(sendBatch(redis, "cancel", header, lines.cancel)).rejects.toThrow();
    expect(await dump(redis)).toEqual(before);
  }
  expect(repliesOf(await sendBatch(redis, "cancel", {}, lines.cancel))[0]).toStartWith("done\t");
  // And one that answers in the order of its items, refused ones among them.
  const mixed = [
    reserveLine(reserveCommand("o5", { nothing: 1 })),
    reserveLine(reserveCommand("o6", { p1: 1 })),
  ];
  const replies = repliesOf(await sendBatch(redis, "reserve", {}, mixed));
  expect(replies[0]).toBe("unknown\tnothing");
  expect(replies[1]).toStartWith("reserved\t");
  const late = changeLine(endCommand(hold.reservationId), ";");
  expect(repliesOf(await sendBatch(redis, "confirm", {}, [late]))[0]).toStartWith("cancelled\t");
});
