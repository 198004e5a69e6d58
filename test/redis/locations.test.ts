import { describe, expect, test } from "bun:test";
import { Location } from "#inventory/model";
import type { ReserveCommand } from "#inventory/ports";
import { metaKey } from "#redis/keys";
import {
  amendLocationLine,
  copyLocationLine,
  registerLocationLine,
  reserveLine,
} from "#redis/lines";
import type { RedisStockStore } from "#redis/stock-store";
import { wordsOfHeader } from "#test/answers";
import { dump, withoutClock } from "#test/keyspace";
import { redisOfFile, repliesOf, sendBatch } from "#test/redis";
import { registeredOf } from "#test/ports-double";
import {
  adjustCommand,
  amendLocationCommand,
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  register,
  registerLocationCommand,
  reserve,
  reserveCommand,
  soon,
  totals,
  transferCommand,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();
const a = Location.parse("Warehouse A");
const b = Location.parse("Warehouse B");
const c = Location.parse("Warehouse C");
const REGISTERED_MAX = 1_000;

/** `p1` with 10 units at each of three locations; A is its home. */
async function spread(store: RedisStockStore): Promise<void> {
  await initialize(store, "p1", 10);
  await store.adjust(adjustCommand("p1", 10, { location: b }));
  await store.adjust(adjustCommand("p1", 10, { location: c }));
}

const switched = async (store: RedisStockStore, location: string, active: boolean) => {
  const outcome = await store.amendLocation(amendLocationCommand(location, { active }));
  expect(outcome.kind).toBe("amended");
};

const at = (location: Location, quantity: number): Partial<ReserveCommand> => ({
  lines: [{ productId: product("p1"), quantity, location }],
});

const takenBy = async (store: RedisStockStore, order: string, units: number) =>
  (await reserve(store, order, { p1: units })).allocations.map(({ location, held }) => [
    location,
    held,
  ]);

const listed = async (store: RedisStockStore) => await store.locations(soon());

describe("the registry", () => {
  test("keeps what is said of a location, and changes only what is named", async () => {
    const { store } = await open();
    const text = 'a "name", = with \\ all';
    const made = await register(store, "Warehouse B", { name: text, priority: 7 });
    expect(made).toMatchObject({ location: b, name: text, address: null, priority: 7 });
    expect(made).toMatchObject({ active: true, version: 1, updatedAt: made.createdAt });
    const changes = { address: "Dock 5", active: false };
    const amended = await store.amendLocation(amendLocationCommand("Warehouse B", changes));
    expect(amended).toMatchObject({
      kind: "amended",
      registered: { ...made, ...changes, version: 2, updatedAt: expect.any(Number) },
    });
    const none = { name: null, address: null };
    await store.amendLocation(amendLocationCommand("Warehouse B", none));
    expect(await listed(store)).toMatchObject([{ ...none, priority: 7, active: false }]);
  });

  test("refuses, and changes nothing: a second one, an unknown one, another version", async () => {
    const { store } = await open();
    const made = await register(store, "Warehouse B");
    const before = await dump(redis);
    const again = registerLocationCommand("Warehouse B", { name: "other" });
    expect(await store.registerLocation(again)).toEqual({ kind: "exists", registered: made });
    const unknown = amendLocationCommand("Warehouse C", { active: false });
    expect(await store.amendLocation(unknown)).toEqual({ kind: "unknown_location" });
    const stale = amendLocationCommand("Warehouse B", { active: false }, { expectedVersion: 9 });
    expect(await store.amendLocation(stale)).toEqual({
      kind: "expected_mismatch",
      registered: made,
    });
    expect(await dump(redis)).toEqual(before);
    const right = amendLocationCommand("Warehouse B", { priority: 1 }, { expectedVersion: 1 });
    expect((await store.amendLocation(right)).kind).toBe("amended");
  });

  test("takes as many as its bound, each with a rule of its own, and no more", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3, { location: Location.parse("L500") });
    await Promise.all(
      Array.from({ length: REGISTERED_MAX }, (_, i) =>
        register(store, `L${i}`, { active: i % 2 === 1, priority: i }),
      ),
    );
    expect(await listed(store)).toHaveLength(REGISTERED_MAX);
    const before = await dump(redis);
    const oneMore = registerLocationCommand("one-more");
    expect(await store.registerLocation(oneMore)).toEqual({ kind: "above_limit" });
    expect(await dump(redis)).toEqual(before);
    expect(await totals(store, "p1")).toMatchObject({ onHand: 3, available: 0 });
    await switched(store, "L500", true);
    expect(await totals(store, "p1")).toMatchObject({ onHand: 3, available: 3 });
    expect((await productOf(store, "p1")).levels).toMatchObject([{ priority: 500 }]);
  });

  test("has one effect under an Idempotency-Key, and refuses it with another body", async () => {
    const { store } = await open();
    const command = registerLocationCommand("Dock", { operation: operation("k1") });
    const first = await store.registerLocation(command);
    const changes = { priority: 3 };
    const amend = amendLocationCommand("Dock", changes, { operation: operation("k2") });
    const amended = await store.amendLocation(amend);
    const before = await dump(redis);
    const again: unknown[] = [
      await store.registerLocation(command),
      await store.amendLocation(amend),
    ];
    expect(again).toEqual([
      { ...first, replayed: true },
      { ...amended, replayed: true },
    ]);
    const other = { operation: operation("k1", "another body") };
    expect(await store.registerLocation(registerLocationCommand("Yard", other))).toEqual({
      kind: "key_reused",
    });
    expect(await store.amendLocation(amendLocationCommand("Dock", changes, other))).toEqual({
      kind: "key_reused",
    });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("units are taken", () => {
  test("from home, then by priority, then as the locations came", async () => {
    const { store } = await open();
    await spread(store);
    expect(await takenBy(store, "o1", 25)).toEqual([
      [a, 10],
      [b, 10],
      [c, 5],
    ]);
    await store.cancel(endCommand((await reserve(store, "o2", { p1: 1 })).reservationId));
    await register(store, "Warehouse C", { priority: 150 });
    await register(store, "Warehouse A", { priority: 0 });
    expect(await takenBy(store, "o1", 23)).toEqual([
      [a, 10],
      [c, 10],
      [b, 3],
    ]);
  });

  test("from active locations only, be it home, and a named one that is not has none", async () => {
    const { store } = await open();
    await spread(store);
    await register(store, "Warehouse A", { active: false });
    await register(store, "Warehouse B", { priority: 50 });
    expect(await totals(store, "p1")).toEqual({ onHand: 30, reserved: 0, available: 20 });
    expect(await takenBy(store, "o1", 15)).toEqual([
      [c, 10],
      [b, 5],
    ]);
    const before = await withoutClock(redis);
    const short = (requested: number, available: number) => ({
      kind: "insufficient" as const,
      lines: [{ productId: product("p1"), requested, largest: available, available }],
    });
    expect(await store.reserve(reserveCommand("o2", {}, at(a, 1)))).toMatchObject(short(1, 0));
    expect(await store.reserve(reserveCommand("o2", {}, at(b, 6)))).toMatchObject(short(6, 5));
    expect(await store.reserve(reserveCommand("o2", { p1: 6 }))).toMatchObject(short(6, 5));
    expect(await withoutClock(redis)).toEqual(before);
    await switched(store, "Warehouse A", true);
    expect(await takenBy(store, "o2", 12)).toEqual([
      [a, 10],
      [b, 2],
    ]);
  });

  test("with safety stock kept back from what is active", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10, { safetyStock: 4 });
    await store.adjust(adjustCommand("p1", 3, { location: b }));
    await register(store, "Warehouse A", { active: false });
    expect(await totals(store, "p1")).toEqual({ onHand: 13, reserved: 0, available: 0 });
    expect(await store.reserve(reserveCommand("o1", { p1: 1 }))).toMatchObject({
      lines: [{ available: 0 }],
    });
  });

  test("and a hold that is replaced gives back only what may be taken again", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    await store.adjust(adjustCommand("p1", 4, { location: b }));
    await reserve(store, "o1", { p1: 12 });
    await register(store, "Warehouse A", { active: false });
    const refused = await store.reserve(reserveCommand("o1", { p1: 5 }));
    expect(refused).toMatchObject({ kind: "insufficient", lines: [{ largest: 4, available: 2 }] });
    const atHome = await store.reserve(reserveCommand("o1", {}, at(a, 1)));
    expect(atHome).toMatchObject({ kind: "insufficient", lines: [{ available: 0 }] });
    expect(await takenBy(store, "o1", 4)).toEqual([[b, 4]]);
    expect(await totals(store, "p1")).toEqual({ onHand: 14, reserved: 4, available: 0 });
  });
});

test("an inactive location still sells, releases and expires its holds, and moves its units", async () => {
  const { store } = await open();
  await initialize(store, "p1", 10);
  const sold = await reserve(store, "o1", { p1: 2 });
  const dropped = await reserve(store, "o2", { p1: 3 });
  await register(store, "Warehouse A", { active: false });
  expect((await store.confirm(endCommand(sold.reservationId))).kind).toBe("done");
  expect((await store.cancel(endCommand(dropped.reservationId))).kind).toBe("done");
  const restocked = await store.adjust(adjustCommand("p1", 5));
  expect(restocked).toMatchObject({ kind: "adjusted", product: { levels: [{ active: false }] } });
  expect(await totals(store, "p1")).toEqual({ onHand: 13, reserved: 0, available: 0 });
  const moved = await store.transfer(transferCommand("p1", 6));
  expect(moved).toMatchObject({
    product: { levels: [{ active: false }, { location: b, active: true, priority: 100 }] },
  });
  expect(await totals(store, "p1")).toEqual({ onHand: 13, reserved: 0, available: 6 });
  expect((await store.transfer(transferCommand("p1", 1, { from: b, to: a }))).kind).toBe(
    "transferred",
  );
  expect(await totals(store, "p1")).toEqual({ onHand: 13, reserved: 0, available: 5 });
});

test("what an item gives back at an inactive location is not there for the next of its batch", async () => {
  const { store } = await open();
  await initialize(store, "p1", 10);
  await store.adjust(adjustCommand("p1", 4, { location: b }));
  await reserve(store, "o1", { p1: 5 });
  await register(store, "Warehouse A", { active: false });
  const items = [reserveCommand("o1", { p1: 2 }), reserveCommand("o2", { p1: 3 })];
  // By hand: a batch that fails would be run again item by item.
  const [first, second] = repliesOf(await sendBatch(redis, "reserve", {}, items.map(reserveLine)));
  expect(first).toStartWith("reserved\t");
  expect(second).toMatch(/^(?:due$|insufficient\tp1=3=2=2=)/);
});

test("an item sees what earlier ones of its batch took at active and inactive locations", async () => {
  const { store } = await open();
  await spread(store);
  await register(store, "Warehouse B", { active: false });
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, i) => store.reserve(reserveCommand(`o${i}`, { p1: 1 }))),
  );
  expect(outcomes.filter(({ kind }) => kind === "reserved")).toHaveLength(20);
  expect((await productOf(store, "p1")).levels).toMatchObject([
    { location: a, reserved: 10 },
    { location: b, reserved: 0 },
    { location: c, reserved: 10 },
  ]);
});

test("a store that registered nothing reads nothing more for it", async () => {
  const { store } = await open();
  await spread(store);
  const commands = async () => {
    const stats = await redis.info("commandstats");
    return Object.fromEntries(
      [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name = "", calls]) => [
        name,
        Number(calls),
      ]),
    );
  };
  const before = await commands();
  await reserve(store, "o1", { p1: 1 });
  const after = await commands();
  // The meta and the product's head, its counts: as many as without a registry.
  expect((after["hmget"] ?? 0) - (before["hmget"] ?? 0)).toBe(3);
  expect(after["hgetall"] ?? 0).toBe(before["hgetall"] ?? 0);
  expect(await redis.hexists(metaKey(0), "locations")).toBe(0);
});

test("what cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await register(store, "Dock");
  const before = await dump(redis);
  const good = {
    registerLocation: registerLocationLine(registerLocationCommand("Yard")),
    amendLocation: amendLocationLine(amendLocationCommand("Dock", { name: "x" })),
    copyLocation: copyLocationLine(registeredOf(), { actor: "test:test" }),
  };
  const wrong: [keyof typeof good, number, string][] = [
    ["registerLocation", 0, "a=b"],
    ["registerLocation", 1, "2"],
    ["registerLocation", 2, "1001"],
    ["registerLocation", 2, "-1"],
    ["registerLocation", 3, ""],
    ["amendLocation", 0, ""],
    ["amendLocation", 1, "x"],
    ["amendLocation", 2, "true"],
    ["amendLocation", 3, "1001"],
    ["copyLocation", 0, "a=b"],
    ["copyLocation", 1, "2"],
    ["copyLocation", 3, "1001"],
    ["copyLocation", 6, "x"],
  ];
  for (const [verb, field, text] of wrong) {
    const line = good[verb].split("\t").with(field, text).join("\t");
    await expect(sendBatch(redis, verb, {}, [line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test.each(["register", "amend"])("%s produced each word of its header", (verb) => {
  const path = `location/${verb}.lua`;
  expect(answers.of(path).items).toEqual([...wordsOfHeader(path).items]);
});

test("the version of a location never goes back, though it came from the ledger and is ahead of seq", async () => {
  const { store } = await open();
  const { version } = await register(store, "Annex");
  const key = "{p0}:locations";
  const record = String(await redis.hget(key, "Annex"));
  const ahead = version + 40;
  await redis.hset(key, "Annex", record.split("\t").with(5, String(ahead)).join("\t"));
  const outcome = await store.amendLocation(amendLocationCommand("Annex", { name: "a name" }));
  expect(outcome).toMatchObject({ kind: "amended", registered: { version: ahead + 1 } });
  // What the journal says of it is not what was put there by hand.
  await redis.flushall();
});
