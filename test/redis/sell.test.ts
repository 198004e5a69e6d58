import { describe, expect, test } from "bun:test";
import { CustomerId, Location, OrderId, type MovementContext } from "#inventory/model";
import type { StockStore } from "#inventory/ports";
import { decodeEntry } from "#redis/journal";
import { journalKey } from "#redis/keys";
import { sellLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { invariants } from "#test/invariants";
import { dump, withoutClock } from "#test/keyspace";
import { clockAt, redisOfFile, repliesOf, sendBatch } from "#test/redis";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  reserve,
  reserveCommand,
  sellCommand,
  soon,
  totals,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();
const here = Location.parse("Warehouse A");
const there = Location.parse("Warehouse B");

/** Movements of the last entry of the journal. */
async function lastMovements() {
  const [last] = await redis.xrevrange(journalKey(0), "+", "-", "COUNT", 1);
  return last ? decodeEntry(0, last[0], last[1]).movements : [];
}

describe("sell", () => {
  test("takes units for good, and answers the product as it left it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await reserve(store, "o1", { p1: 5 });
    const outcome = await store.sell(sellCommand("p1", 20));
    expect(outcome).toEqual({
      kind: "sold",
      product: await productOf(store, "p1"),
      allocations: [{ location: here, quantity: 20 }],
      replayed: false,
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 30, reserved: 5, available: 25 });
  });

  test("says in its movement whose it is and why; a hold's movement has its hold's order", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const context: MovementContext = {
      actor: "service:orders",
      reason: "counter",
      reference: "till 3",
      requestId: "r-1",
      orderId: OrderId.parse("order-7"),
      customerId: CustomerId.parse("carol"),
    };
    await store.sell(sellCommand("p1", 2, { context }));
    expect(await lastMovements()).toMatchObject([
      {
        type: "SALE",
        onHandBefore: 50,
        onHandAfter: 48,
        reservedBefore: 0,
        reservedAfter: 0,
        reservationId: null,
        ...context,
      },
    ]);
    await store.sell(sellCommand("p1", 1));
    expect(await lastMovements()).toMatchObject([{ orderId: null, customerId: null }]);
    const other = { ...reserveCommand("order-8", { p1: 1 }), context };
    await store.reserve({ ...other, customerId: null });
    expect(await lastMovements()).toMatchObject([{ orderId: "order-8", customerId: null }]);
  });

  test("takes from the home first, then from the others, one movement each", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    await store.adjust(adjustCommand("p1", 4, { location: there }));
    expect(await store.sell(sellCommand("p1", 5))).toMatchObject({
      kind: "sold",
      allocations: [
        { location: here, quantity: 3 },
        { location: there, quantity: 2 },
      ],
    });
    const movements = await lastMovements();
    expect(movements.map(({ location, onHandAfter }) => [location, onHandAfter])).toEqual([
      [here, 0],
      [there, 2],
    ]);
    expect(await store.sell(sellCommand("p1", 2, { location: there }))).toMatchObject({
      allocations: [{ location: there, quantity: 2 }],
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 0, reserved: 0, available: 0 });
  });
});

describe("sell refuses, and changes nothing, ", () => {
  test("what is held, and what is safety stock", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10, { safetyStock: 2 });
    await reserve(store, "o1", { p1: 3 });
    const before = await withoutClock(redis);
    expect(await store.sell(sellCommand("p1", 6))).toMatchObject({
      kind: "insufficient",
      lines: [{ productId: product("p1"), requested: 6, largest: 5, available: 5 }],
    });
    expect(await withoutClock(redis)).toEqual(before);
    expect((await store.sell(sellCommand("p1", 5))).kind).toBe("sold");
    expect(await store.sell(sellCommand("p1", 1))).toMatchObject({
      lines: [{ requested: 1, available: 0 }],
    });
  });

  test("more than the named location has free", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.adjust(adjustCommand("p1", 2, { location: there }));
    const nowhere = Location.parse("nowhere");
    for (const [location, available] of [[there, 2] as const, [nowhere, 0] as const]) {
      expect(await store.sell(sellCommand("p1", 3, { location }))).toMatchObject({
        kind: "insufficient",
        lines: [{ requested: 3, available }],
      });
    }
  });

  test("what expected another quantity, and a product that nobody made", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const before = await dump(redis);
    expect(await store.sell(sellCommand("p1", 1, { expectedQuantity: 4 }))).toEqual({
      kind: "expected_mismatch",
      product: await productOf(store, "p1"),
    });
    expect(await store.sell(sellCommand("p2", 1))).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
    expect((await store.sell(sellCommand("p1", 1, { expectedQuantity: 5 }))).kind).toBe("sold");
  });
});

describe("sell under an Idempotency-Key", () => {
  test("has one effect, and gives a repeat the first answer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = sellCommand("p1", 3, { operation: operation("k1") });
    const first = await store.sell(command);
    await store.adjust(adjustCommand("p1", 1));
    const before = await dump(redis);
    const again: unknown = await store.sell(command);
    expect(again).toEqual({ ...first, replayed: true });
    const other = sellCommand("p1", 1, { operation: operation("k1", "another body") });
    expect(await store.sell(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });

  test("does not keep a refusal; without a key a repeat is a new sale", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = sellCommand("p1", 6, { operation: operation("k1") });
    expect((await store.sell(command)).kind).toBe("insufficient");
    await store.adjust(adjustCommand("p1", 5));
    expect(await store.sell(command)).toMatchObject({ kind: "sold", replayed: false });
    for (const onHand of [3, 2]) {
      await store.sell(sellCommand("p1", 1));
      expect((await totals(store, "p1")).onHand).toBe(onHand);
    }
  });
});

test("sell has units that are due released first, though no worker ran", async () => {
  const { store } = await open();
  await initialize(store, "p1", 1);
  const hold = await reserve(store, "o1", { p1: 1 }, { holdSeconds: 60 });
  await clockAt(redis, hold.expiresAt);
  const before = await dump(redis);
  const line = sellLine(sellCommand("p1", 1));
  expect(repliesOf(await sendBatch(redis, "sell", {}, [line]))).toEqual(["due"]);
  expect(await dump(redis)).toEqual(before);
  expect((await store.sell(sellCommand("p1", 1))).kind).toBe("sold");
  expect(await store.reservation(hold.reservationId, soon())).toMatchObject({ status: "EXPIRED" });
});

test("a sell that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const before = await dump(redis);
  const good = sellLine(sellCommand("p1", 1));
  const fields = good.split("\t");
  const withField = (index: number, text: string) => fields.with(index, text).join("\t");
  const malformed = [
    "",
    "garbage",
    fields.slice(0, -1).join("\t"),
    withField(0, "{p1}"),
    withField(1, "a,b"),
    ...["0", "-1", "+1", "1.5", "1e3", "0x10", "nan", "1000000001"].map((it) => withField(2, it)),
    withField(3, "-1"),
    withField(6, "two\nlines"),
  ];
  for (const line of malformed) {
    await expect(sendBatch(redis, "sell", {}, [good, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("200 callers of 4 processes who sell the last 50 units sell exactly 50", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 50);
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, i) => stores[i % 4]?.store.sell(sellCommand("p1", 1))),
  );
  const kinds = outcomes.map((outcome) => outcome?.kind);
  expect(kinds.filter((kind) => kind === "sold")).toHaveLength(50);
  expect(kinds.filter((kind) => kind === "insufficient")).toHaveLength(150);
  expect(await totals(store, "p1")).toEqual({ onHand: 0, reserved: 0, available: 0 });
  expect(await invariants(redis)).toMatchObject({ movements: 51 });
});

/** Sells (0), holds (1) or holds and confirms (2) one unit; answers the last outcome. */
async function tryOnce(store: StockStore, order: string, how: number): Promise<string> {
  if (how === 0) return (await store.sell(sellCommand("p1", 1))).kind;
  const outcome = await store.reserve(reserveCommand(order, { p1: 1 }));
  if (outcome.kind !== "reserved" || how === 1) return outcome.kind;
  return (await store.confirm(endCommand(outcome.reservation.reservationId))).kind;
}

test("sales that race reserves and confirms never oversell", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 130, { safetyStock: 10 });
  // One after another for each caller, so that the verbs come in turns.
  const callers = Array.from({ length: 24 }, async (_, caller) => {
    const { store: own } = stores[caller % 4] ?? stores[0];
    const kinds: string[] = [];
    for (let i = 0; i < 20; i += 1) kinds.push(await tryOnce(own, `o${caller}-${i}`, caller % 3));
    return kinds;
  });
  const kinds = (await Promise.all(callers)).flat();
  const count = (kind: string) => kinds.filter((it) => it === kind).length;
  const [sold, held] = [count("sold") + count("done"), count("reserved")];
  expect(sold + held).toBe(120);
  expect(await totals(store, "p1")).toEqual({ onHand: 130 - sold, reserved: held, available: 0 });
  expect(Math.min(count("sold"), count("done"), held)).toBeGreaterThan(0);
});

test("sell produced each word that its header promises", async () => {
  const { store } = await open();
  await initialize(store, "p1", 9, { maxPerCustomer: 1 });
  const customerId = CustomerId.parse("carol");
  expect((await store.sell(sellCommand("p1", 2, { customerId }))).kind).toBe("above_quota");
  const { items } = wordsOfHeader("stock/sell.lua");
  expect(answers.of("stock/sell.lua").items).toEqual([...items]);
});
