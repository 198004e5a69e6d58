import { describe, expect, test } from "bun:test";
import { LOCATIONS_MAX, DEFAULT_RULE, Location, QUANTITY_MAX, STOCK_MAX } from "#inventory/model";
import { decodeEntry } from "#redis/journal";
import { journalKey } from "#redis/keys";
import { transferLine } from "#redis/lines";
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
  reserveCommand,
  totals,
  transferCommand,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();
const here = Location.parse("Warehouse A");
const there = Location.parse("Warehouse B");

describe("transfer", () => {
  test("moves units to a location, which may be new, as two movements and without a total", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const moved = await store.transfer(transferCommand("p1", 20));
    expect(moved).toEqual({
      kind: "transferred",
      product: await productOf(store, "p1"),
      replayed: false,
    });
    const { levels } = await productOf(store, "p1");
    expect(levels).toEqual([
      { location: here, onHand: 30, reserved: 0, ...DEFAULT_RULE },
      { location: there, onHand: 20, reserved: 0, ...DEFAULT_RULE },
    ]);
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 0, available: 50 });
    const [id = "", fields = []] = (await redis.xrange(journalKey(0), "-", "+")).at(-1) ?? [];
    expect(decodeEntry(0, id, fields).movements).toMatchObject([
      { seq: 2, type: "TRANSFER", location: here, onHandBefore: 50, onHandAfter: 30 },
      { seq: 3, type: "TRANSFER", location: there, onHandBefore: 0, onHandAfter: 20 },
    ]);
  });

  test("leaves what is held where it is", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 3 });
    expect((await store.transfer(transferCommand("p1", 2))).kind).toBe("transferred");
    expect((await productOf(store, "p1")).levels).toMatchObject([
      { onHand: 3, reserved: 3 },
      { onHand: 2, reserved: 0 },
    ]);
    expect((await store.confirm(endCommand(hold.reservationId))).kind).toBe("done");
    expect(await totals(store, "p1")).toEqual({ onHand: 2, reserved: 0, available: 2 });
  });

  test("undone leaves the stock as it was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 12);
    await store.transfer(transferCommand("p1", 1));
    const before = await productOf(store, "p1");
    await store.transfer(transferCommand("p1", 5));
    await store.transfer(transferCommand("p1", 5, { from: there, to: here }));
    const timeless = { seq: 0, updatedAt: 0 };
    expect({ ...(await productOf(store, "p1")), ...timeless }).toEqual({ ...before, ...timeless });
  });
});

describe("transfer refuses, and changes nothing, ", () => {
  test("what would take units that are held, or that are not there", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await reserve(store, "o1", { p1: 3 });
    const before = await dump(redis);
    const held = { kind: "below_reserved", onHand: 5, reserved: 3 } as const;
    expect(await store.transfer(transferCommand("p1", 3))).toEqual(held);
    const empty = { kind: "below_reserved", onHand: 0, reserved: 0 } as const;
    const nowhere = transferCommand("p1", 1, { from: there, to: here });
    expect(await store.transfer(nowhere)).toEqual(empty);
    expect(await dump(redis)).toEqual(before);
  });

  test("more than 10^12 units at one location, or a 65th location", async () => {
    const { store } = await open();
    await initialize(store, "p1", STOCK_MAX);
    await store.adjust(adjustCommand("p1", 1, { location: there }));
    const full = transferCommand("p1", 1, { from: there, to: here });
    expect(await store.transfer(full)).toEqual({
      kind: "above_limit",
      limit: "stock",
      onHand: STOCK_MAX,
    });
    for (let i = 2; i < LOCATIONS_MAX; i += 1) {
      await store.transfer(transferCommand("p1", 1, { to: Location.parse(`L${i}`) }));
    }
    const before = await dump(redis);
    const oneMore = transferCommand("p1", 1, { to: Location.parse("one-more") });
    expect(await store.transfer(oneMore)).toEqual({
      kind: "above_limit",
      limit: "locations",
      onHand: 0,
    });
    expect(await dump(redis)).toEqual(before);
    expect((await productOf(store, "p1")).levels).toHaveLength(LOCATIONS_MAX);
  });

  test("what expected another quantity over all locations", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.adjust(adjustCommand("p1", 2, { location: there }));
    const before = await dump(redis);
    expect(await store.transfer(transferCommand("p1", 1, { expectedQuantity: 5 }))).toEqual({
      kind: "expected_mismatch",
      product: await productOf(store, "p1"),
    });
    expect(await dump(redis)).toEqual(before);
    const right = await store.transfer(transferCommand("p1", 1, { expectedQuantity: 7 }));
    expect(right.kind).toBe("transferred");
  });

  test("a product that nobody made", async () => {
    const { store } = await open();
    const before = await dump(redis);
    expect(await store.transfer(transferCommand("p1", 1))).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("transfer under an Idempotency-Key", () => {
  test("has one effect, and gives a repeat the first answer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = transferCommand("p1", 3, { operation: operation("k1") });
    const [first, second] = await Promise.all([store.transfer(command), store.transfer(command)]);
    expect([first, second]).toMatchObject([{ replayed: false }, { replayed: true }]);
    await store.adjust(adjustCommand("p1", 1));
    const before = await dump(redis);
    const again: unknown = await store.transfer(command);
    expect(again).toEqual({ ...first, replayed: true });
    expect(await dump(redis)).toEqual(before);
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.transfer(transferCommand("p1", 3, { operation: operation("k1") }));
    const before = await dump(redis);
    const other = transferCommand("p1", 2, { operation: operation("k1", "another body") });
    expect(await store.transfer(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });
});

test("a transfer that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const before = await dump(redis);
  const good = transferLine(transferCommand("p1", 1));
  const fields = good.split("\t");
  const withField = (index: number, text: string) => fields.with(index, text).join("\t");
  const malformed = [
    "",
    fields.slice(0, -1).join("\t"),
    withField(0, "{p1}"),
    withField(1, ""),
    withField(1, "Warehouse B"),
    withField(2, "a,b"),
    withField(3, "0"),
    withField(3, "-1"),
    withField(3, "1.5"),
    withField(3, "0x10"),
    withField(3, String(QUANTITY_MAX + 1)),
    withField(4, "-1"),
    withField(7, "two\nlines"),
  ];
  for (const line of malformed) {
    await expect(sendBatch(redis, "transfer", {}, [good, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("transfers raced by reserves of 4 processes never oversell a level", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 60);
  const kinds = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const process = stores[i % stores.length]?.store ?? store;
      if (i % 3 > 0) {
        const back = i % 3 === 1;
        const way = back ? { from: there, to: here } : {};
        return (await process.transfer(transferCommand("p1", 1 + (i % 7), way))).kind;
      }
      const location = i % 2 === 0 ? here : null;
      const lines = [{ productId: product("p1"), quantity: 2, location }];
      return (await process.reserve(reserveCommand(`o${i}`, {}, { lines }))).kind;
    }),
  );
  // The laws that the file is held to say that no level was oversold; each kind has happened.
  expect(new Set(kinds)).toEqual(
    new Set(["transferred", "below_reserved", "reserved", "insufficient"]),
  );
  const { onHand, reserved } = await totals(store, "p1");
  expect({ onHand, reserved }).toEqual({
    onHand: 60,
    reserved: 2 * kinds.filter((kind) => kind === "reserved").length,
  });
});

test("transfer produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/transfer.lua");
  expect(answers.of("stock/transfer.lua").items).toEqual([...items]);
});
