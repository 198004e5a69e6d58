import { describe, expect, test } from "bun:test";
import {
  LOCATIONS_MAX,
  DEFAULT_RULE,
  Location,
  QUANTITY_MAX,
  STOCK_MAX,
  totalsOf,
} from "#inventory/model";
import { adjustLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { redisOfFile, sendBatch } from "#test/redis";
import { adjustCommand, initialize, operation, productOf, reserve, totals } from "#test/store";

const { redis, answers, open } = await redisOfFile();
const there = Location.parse("Warehouse B");

describe("adjust", () => {
  test("adds and takes units, and answers the product as it stands", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const added = await store.adjust(adjustCommand("p1", 7, { type: "RETURN" }));
    expect(added).toEqual({
      kind: "adjusted",
      product: await productOf(store, "p1"),
      replayed: false,
    });
    await store.adjust(adjustCommand("p1", -20, { type: "SALE" }));
    expect(await totals(store, "p1")).toEqual({ onHand: 37, reserved: 0, available: 37 });
  });

  test("notes the time of a restock, and of nothing else", async () => {
    const { store } = await open();
    await initialize(store, "p1", 0);
    await store.adjust(adjustCommand("p1", 7));
    expect(await productOf(store, "p1")).toMatchObject({ lastRestocked: null });
    await store.adjust(adjustCommand("p1", 7, { type: "RESTOCK" }));
    const { lastRestocked, updatedAt } = await productOf(store, "p1");
    expect(lastRestocked).toBe(updatedAt);
  });

  test("makes a location at its first units, behind the others", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await store.adjust(adjustCommand("p1", 3, { location: there }));
    const { levels, home } = await productOf(store, "p1");
    expect(levels).toEqual([
      { location: home, onHand: 50, reserved: 0, ...DEFAULT_RULE },
      { location: there, onHand: 3, reserved: 0, ...DEFAULT_RULE },
    ]);
  });

  test("undone leaves the stock as it was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 12);
    const before = await productOf(store, "p1");
    const low = await redis.zrange("{p0}:low", "0", "-1", "WITHSCORES");
    await store.adjust(adjustCommand("p1", -5));
    await store.adjust(adjustCommand("p1", 5));
    const timeless = { seq: 0, updatedAt: 0 };
    expect({ ...(await productOf(store, "p1")), ...timeless }).toEqual({ ...before, ...timeless });
    expect(await redis.zrange("{p0}:low", "0", "-1", "WITHSCORES")).toEqual(low);
  });
});

describe("adjust of a count", () => {
  test("may find nothing, and as much as a level holds", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { seq } = await productOf(store, "p1");
    await store.adjust(adjustCommand("p1", 0, { type: "COUNT" }));
    expect(await productOf(store, "p1")).toMatchObject({ seq: seq + 1, levels: [{ onHand: 5 }] });
    await store.adjust(adjustCommand("p1", STOCK_MAX - 5, { type: "COUNT" }));
    expect(await totals(store, "p1")).toMatchObject({ onHand: STOCK_MAX });
    await store.adjust(adjustCommand("p1", -STOCK_MAX, { type: "COUNT" }));
    expect(await totals(store, "p1")).toMatchObject({ onHand: 0 });
  });

  test("never takes what is held", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await reserve(store, "o1", { p1: 3 });
    const before = await dump(redis);
    expect(await store.adjust(adjustCommand("p1", -3, { type: "COUNT" }))).toEqual({
      kind: "below_reserved",
      onHand: 5,
      reserved: 3,
    });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("adjust refuses, and changes nothing, ", () => {
  test("what would take units that are held", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await reserve(store, "o1", { p1: 3 });
    const before = await dump(redis);
    expect(await store.adjust(adjustCommand("p1", -3))).toEqual({
      kind: "below_reserved",
      onHand: 5,
      reserved: 3,
    });
    expect(await dump(redis)).toEqual(before);
    expect(await store.adjust(adjustCommand("p1", -2))).toMatchObject({ kind: "adjusted" });
  });

  test("to take from a location that has none", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const before = await dump(redis);
    expect(await store.adjust(adjustCommand("p1", -1, { location: there }))).toEqual({
      kind: "below_reserved",
      onHand: 0,
      reserved: 0,
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("more than 10^12 units, or a 65th location", async () => {
    const { store } = await open();
    await initialize(store, "p1", STOCK_MAX - QUANTITY_MAX);
    await store.adjust(adjustCommand("p1", QUANTITY_MAX));
    expect(await store.adjust(adjustCommand("p1", 1))).toEqual({
      kind: "above_limit",
      limit: "stock",
      onHand: STOCK_MAX,
    });
    for (let i = 1; i < LOCATIONS_MAX; i += 1) {
      await store.adjust(adjustCommand("p1", 1, { location: Location.parse(`L${i}`) }));
    }
    const before = await dump(redis);
    const oneMore = adjustCommand("p1", 1, { location: Location.parse("one-more") });
    expect(await store.adjust(oneMore)).toEqual({
      kind: "above_limit",
      limit: "locations",
      onHand: 0,
    });
    expect(await dump(redis)).toEqual(before);
    expect((await productOf(store, "p1")).levels).toHaveLength(LOCATIONS_MAX);
  });

  test("what expected another quantity", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.adjust(adjustCommand("p1", 2, { location: there }));
    const before = await dump(redis);
    expect(await store.adjust(adjustCommand("p1", 1, { expectedQuantity: 5 }))).toEqual({
      kind: "expected_mismatch",
      product: await productOf(store, "p1"),
    });
    expect(await dump(redis)).toEqual(before);
    const right = await store.adjust(adjustCommand("p1", 1, { expectedQuantity: 7 }));
    expect(right.kind).toBe("adjusted");
  });

  test("what expected another version", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { seq: expectedSeq } = await productOf(store, "p1");
    const outcomes = await Promise.all(
      [1, 2, 3].map((delta) => store.adjust(adjustCommand("p1", delta, { expectedSeq }))),
    );
    const changed = await productOf(store, "p1");
    expect(outcomes).toEqual([
      { kind: "adjusted", product: changed, replayed: false },
      { kind: "expected_mismatch", product: changed },
      { kind: "expected_mismatch", product: changed },
    ]);
    expect(totalsOf(changed).onHand).toBe(6);
  });

  test("a product that nobody made", async () => {
    const { store } = await open();
    const before = await dump(redis);
    expect(await store.adjust(adjustCommand("p1", 1))).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("adjust under an Idempotency-Key", () => {
  test("has one effect, and gives a repeat the first answer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = adjustCommand("p1", 3, { operation: operation("k1") });
    const first = await store.adjust(command);
    await store.adjust(adjustCommand("p1", 1));
    const before = await dump(redis);
    const again: unknown = await store.adjust(command);
    expect(again).toEqual({ ...first, replayed: true });
    expect(await dump(redis)).toEqual(before);
  });

  test("has one effect when both copies travel in one batch", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = adjustCommand("p1", 3, { operation: operation("k1") });
    const outcomes = await Promise.all([store.adjust(command), store.adjust(command)]);
    expect(outcomes).toMatchObject([{ replayed: false }, { replayed: true }]);
    expect((await totals(store, "p1")).onHand).toBe(8);
  });

  test("knows an operation of two names under either, and refuses either with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const named = (key: string, body: string, event: string) =>
      store.adjust(
        adjustCommand("p1", 3, {
          operation: { ...operation(key, body), also: operation(event, event) },
        }),
      );
    const [first, copy] = await Promise.all([named("k1", "b1", "e1"), named("k1", "b1", "e1")]);
    expect([first, copy]).toMatchObject([{ replayed: false }, { replayed: true }]);
    const before = await dump(redis);
    const again = [
      await named("k1", "b1", "e1"),
      await named("k2", "b1", "e1"),
      await store.adjust(adjustCommand("p1", 3, { operation: operation("e1", "e1") })),
    ];
    expect(again).toMatchObject(again.map(() => ({ kind: "adjusted", replayed: true })));
    expect(await named("k1", "b2", "e2")).toEqual({ kind: "key_reused" });
    const clash = { ...operation("k3"), also: operation("e1", "another event") };
    expect(await store.adjust(adjustCommand("p1", 3, { operation: clash }))).toEqual({
      kind: "key_reused",
    });
    expect(await dump(redis)).toEqual(before);
    expect((await named("k4", "b4", "e4")).kind).toBe("adjusted");
    expect((await totals(store, "p1")).onHand).toBe(11);
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.adjust(adjustCommand("p1", 3, { operation: operation("k1") }));
    const before = await dump(redis);
    const other = adjustCommand("p1", 4, { operation: operation("k1", "another body") });
    expect(await store.adjust(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });

  test("does not keep a refusal: the same key may succeed later", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = adjustCommand("p1", -6, { operation: operation("k1") });
    expect((await store.adjust(command)).kind).toBe("below_reserved");
    await store.adjust(adjustCommand("p1", 1));
    expect(await store.adjust(command)).toMatchObject({ kind: "adjusted", replayed: false });
  });
});

test("an adjust that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const before = await dump(redis);
  const good = adjustLine(adjustCommand("p1", 1));
  const fields = good.split("\t");
  const withField = (index: number, text: string) => fields.with(index, text).join("\t");
  const malformed = [
    "",
    "garbage",
    fields.slice(0, -1).join("\t"),
    withField(0, "{p1}"),
    withField(1, "a,b"),
    withField(2, "0"),
    withField(2, "-0"),
    withField(2, "+1"),
    withField(2, "1.5"),
    withField(2, "1e3"),
    withField(2, "0x10"),
    withField(2, "1000000001"),
    withField(2, "-1000000001"),
    fields.with(2, "1000000000001").with(3, "COUNT").join("\t"),
    fields.with(2, "-1000000000001").with(3, "COUNT").join("\t"),
    withField(3, "GIFT"),
    withField(3, "restock"),
    withField(4, "-1"),
    withField(7, "two\nlines"),
  ];
  for (const line of malformed) {
    await expect(sendBatch(redis, "adjust", {}, [good, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("adjust raced by 200 callers from 4 processes sums up exactly", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 100);
  await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      stores[i % stores.length]?.store.adjust(adjustCommand("p1", i % 2 === 0 ? 3 : -1)),
    ),
  );
  expect(await totals(store, "p1")).toEqual({ onHand: 300, reserved: 0, available: 300 });
});

test("adjust produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/adjust.lua");
  expect(answers.of("stock/adjust.lua").items).toEqual([...items]);
});
