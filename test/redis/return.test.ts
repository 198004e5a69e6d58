import { describe, expect, test } from "bun:test";
import { CustomerId, Location, OrderId, QUANTITY_MAX, STOCK_MAX } from "#inventory/model";
import type { OrderSales } from "#inventory/ports";
import { decodeEntry } from "#redis/journal";
import { journalKey, metaKey, returnKey } from "#redis/keys";
import { returnLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { redisOfFile, sendBatch } from "#test/redis";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  reserve,
  returnCommand,
  sellCommand,
  totals,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();
const home = Location.parse("Warehouse A");
const there = Location.parse("Warehouse B");

type Store = Awaited<ReturnType<typeof open>>["store"];

/** A product of which 10 units of 50 were sold, and what the ledger says of that. */
async function sold(store: Store): Promise<OrderSales> {
  await initialize(store, "p1", 50);
  await store.sell(sellCommand("p1", 10));
  return { seq: 2, sold: 10, returned: 0 };
}

const sell = (store: Store, more: Parameters<typeof sellCommand>[2]) =>
  store.sell(sellCommand("p1", 1, more));
async function confirmed(store: Store, more: Parameters<typeof reserve>[3]) {
  const { reservationId } = await reserve(store, "o2", { p1: 1 }, more);
  return await store.confirm(endCommand(reservationId));
}

async function lastMovements() {
  const [last] = await redis.xrevrange(journalKey(0), "+", "-", "COUNT", 1);
  return last ? decodeEntry(0, last[0], last[1]).movements : [];
}

describe("return", () => {
  test("brings units back to where they are sold again, and counts them", async () => {
    const { store } = await open();
    const sales = await sold(store);
    expect(await store.return(returnCommand("p1", 4, { ...sales, returned: 3 }))).toEqual({
      kind: "returned",
      product: await productOf(store, "p1"),
      sold: 10,
      returned: 7,
      replayed: false,
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 44, reserved: 0, available: 44 });
    expect(await lastMovements()).toMatchObject([
      { type: "RETURN", location: home, onHandBefore: 40, onHandAfter: 44 },
    ]);
  });

  test("of scrap is on the record, and no unit of it is ever available", async () => {
    const { store } = await open();
    const sales = await sold(store);
    const command = returnCommand("p1", 4, sales, {
      disposition: "scrap",
      context: { actor: "test:test", reason: "broken" },
    });
    expect(await store.return(command)).toMatchObject({ kind: "returned", returned: 4 });
    expect(await totals(store, "p1")).toEqual({ onHand: 40, reserved: 0, available: 40 });
    // One entry of the journal is one script call: nobody reads between the two.
    expect(await lastMovements()).toMatchObject([
      { type: "RETURN", onHandBefore: 40, onHandAfter: 44, reason: "broken" },
      { type: "ADJUSTMENT", onHandBefore: 44, onHandAfter: 40, reason: "broken" },
    ]);
  });

  test("makes a location at its first units", async () => {
    const { store } = await open();
    const sales = await sold(store);
    await store.return(returnCommand("p1", 4, sales, { location: there }));
    expect((await productOf(store, "p1")).levels).toMatchObject([
      { location: home, onHand: 40, reserved: 0 },
      { location: there, onHand: 4, reserved: 0 },
    ]);
  });
});

describe("return refuses, and changes nothing, ", () => {
  test("more than was sold and is not back yet", async () => {
    const { store } = await open();
    const sales = await sold(store);
    const before = await dump(redis);
    const tooMany: [units: number, sales: OrderSales][] = [
      [11, sales],
      [8, { ...sales, returned: 3 }],
      [1, { ...sales, sold: 0 }],
    ];
    for (const [units, said] of tooMany) {
      const outcome = await store.return(returnCommand("p1", units, said));
      expect(outcome).toEqual({ kind: "exceeds_sold", sold: said.sold, returned: said.returned });
    }
    expect(await dump(redis)).toEqual(before);
    expect((await store.return(returnCommand("p1", 10, sales))).kind).toBe("returned");
  });

  test("what the ledger said before the order's last return", async () => {
    const { store } = await open();
    const sales = await sold(store);
    await store.return(returnCommand("p1", 4, sales));
    const before = await dump(redis);
    expect(await store.return(returnCommand("p1", 4, sales))).toEqual({ kind: "moved" });
    expect(await dump(redis)).toEqual(before);
    // Another order's return does not concern it.
    const other = { owner: "0b".repeat(16) };
    expect((await store.return(returnCommand("p1", 4, sales, other))).kind).toBe("returned");
    const newer = { seq: 3, sold: 10, returned: 4 };
    expect((await store.return(returnCommand("p1", 6, newer))).kind).toBe("returned");
    expect(await redis.get(returnKey(0, returnCommand("p1", 1, sales).owner))).toBe("5");
  });

  describe("what the ledger said before the order was sold more of a product with a limit", () => {
    const orderId = OrderId.parse('o"1\\');
    const customerId = CustomerId.parse("carol");
    const context = { actor: "test:test", reason: '"orderId":"o2"', orderId, customerId };

    test.each<[string, (store: Store) => Promise<unknown>, "moved" | "returned"]>([
      ["without a hold", (store) => sell(store, { context }), "moved"],
      ["as a hold", (store) => confirmed(store, { orderId }), "moved"],
      ["to another order", (store) => confirmed(store, {}), "returned"],
      ["nothing", (store) => reserve(store, "o3", { p1: 1 }), "returned"],
      [
        "of another product",
        (store) => sell(store, { context, productId: product("p2") }),
        "returned",
      ],
    ])("%s", async (_, since, expected) => {
      const { store } = await open();
      await initialize(store, "p2", 5);
      await initialize(store, "p1", 50, { maxPerCustomer: 40 });
      await store.sell(sellCommand("p1", 10, { customerId, context }));
      const sales = { seq: 3, sold: 10, returned: 0 };
      await since(store);
      const outcome = await store.return(returnCommand("p1", 4, sales, { context }));
      expect(outcome.kind).toBe(expected);
    });
  });

  test("what the ledger said before this epoch: notes of returns may have been lost", async () => {
    const { store } = await open();
    const sales = await sold(store);
    await redis.hset(metaKey(0), "beganAt", "3");
    expect(await store.return(returnCommand("p1", 4, sales))).toEqual({ kind: "moved" });
    const newer = { ...sales, seq: 3 };
    expect((await store.return(returnCommand("p1", 4, newer))).kind).toBe("returned");
  });

  test("the second of two in one batch that were told the same", async () => {
    const { store } = await open();
    const sales = await sold(store);
    const command = returnCommand("p1", 6, sales);
    const outcomes = await Promise.all([store.return(command), store.return(command)]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["returned", "moved"]);
    expect((await totals(store, "p1")).onHand).toBe(46);
  });

  test("more than 10^12 units, and a product that nobody made", async () => {
    const { store } = await open();
    await initialize(store, "p1", STOCK_MAX - QUANTITY_MAX);
    await store.adjust(adjustCommand("p1", QUANTITY_MAX));
    const sales = { seq: 2, sold: 5, returned: 0 };
    const before = await dump(redis);
    for (const disposition of ["restock", "scrap"] as const) {
      const outcome = await store.return(returnCommand("p1", 1, sales, { disposition }));
      expect(outcome).toEqual({ kind: "above_limit", limit: "stock", onHand: STOCK_MAX });
    }
    const nobodys = await store.return(returnCommand("p2", 1, sales));
    expect(nobodys).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
  });
});

test("return under an Idempotency-Key has one effect, and gives a repeat the first answer", async () => {
  const { store } = await open();
  const sales = await sold(store);
  const command = returnCommand("p1", 6, sales, { operation: operation("k1") });
  const [first, copy] = await Promise.all([store.return(command), store.return(command)]);
  expect(copy).toEqual(JSON.parse(JSON.stringify({ ...first, replayed: true })));
  const before = await dump(redis);
  // A repeat is told newer sums, by which it would exceed what was sold.
  const later = { ...command, sales: { seq: 3, sold: 10, returned: 6 } };
  const again: unknown = await store.return(later);
  expect(again).toEqual({ ...first, replayed: true });
  const other = { ...command, operation: operation("k1", "another body") };
  expect(await store.return(other)).toEqual({ kind: "key_reused" });
  expect(await dump(redis)).toEqual(before);
});

test("a return that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  const sales = await sold(store);
  const before = await dump(redis);
  const good = returnLine(returnCommand("p1", 1, sales));
  const fields = good.split("\t");
  const withField = (index: number, text: string) => fields.with(index, text).join("\t");
  const malformed = [
    "",
    "garbage",
    fields.slice(0, -1).join("\t"),
    withField(0, "{p1}"),
    withField(1, "a,b"),
    ...["0", "-1", "+1", "1.5", "1e3", "0x10", "nan", "1000000001"].map((it) => withField(2, it)),
    withField(3, "gift"),
    withField(3, ""),
    withField(4, "owner"),
    ...[5, 6, 7].flatMap((index) => ["", "-1", "1.5"].map((text) => withField(index, text))),
    withField(10, "two\nlines"),
  ];
  for (const line of malformed) {
    await expect(sendBatch(redis, "return", {}, [good, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("return produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/return.lua");
  expect(answers.of("stock/return.lua").items).toEqual([...items]);
});
