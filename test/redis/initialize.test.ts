import { describe, expect, test } from "bun:test";
import { DEFAULT_RULE, Location, Sku, STOCK_MAX, type Product } from "#inventory/model";
import { initializeLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { skuKey } from "#redis/keys";
import { dump } from "#test/keyspace";
import { redisOfFile, sendBatch } from "#test/redis";
import { initializeCommand, operation, product, productOf } from "#test/store";

const { redis, answers, open } = await redisOfFile();

describe("initialize", () => {
  test("makes a product with its stock at its home, and answers it as it stands", async () => {
    const { store } = await open();
    const command = initializeCommand("p1", 50, {
      name: 'A "name" with \\ and é',
      price: 12.5,
      lowStockThreshold: 1,
      reorderPoint: 2,
      reorderQuantity: 3,
      safetyStock: 4,
      maxPerCustomer: 5,
      location: Location.parse("Shelf 1.a_b-c"),
    });
    const outcome = await store.initialize(command);
    const made = await productOf(store, "p1");
    expect(outcome).toEqual({ kind: "initialized", product: made, replayed: false });
    const { productId, sku, name, price, location: home } = command;
    expect(made).toMatchObject({ productId, sku, name, price, home, seq: 1 });
    expect(made).toMatchObject({ lowStockThreshold: 1, reorderPoint: 2, reorderQuantity: 3 });
    expect(made).toMatchObject({ safetyStock: 4, maxPerCustomer: 5 });
    expect(made.levels).toEqual([{ location: home, onHand: 50, reserved: 0, ...DEFAULT_RULE }]);
    expect(made.lastRestocked).toBe(made.createdAt);
  });

  test("makes one without units: in the low set, and never restocked", async () => {
    const { store } = await open();
    await store.initialize(initializeCommand("p1", 0));
    expect(await productOf(store, "p1")).toMatchObject({ lastRestocked: null, price: null });
    expect(await redis.zscore("{p0}:low", "p1")).toBe("0");
  });

  test("takes 10^12 units and not one more", async () => {
    const { store } = await open();
    await store.initialize(initializeCommand("p1", STOCK_MAX));
    expect((await productOf(store, "p1")).levels[0]?.onHand).toBe(STOCK_MAX);
    await expect(store.initialize(initializeCommand("p2", STOCK_MAX + 1))).rejects.toThrow();
    expect(await redis.exists("{p0}:stock:p2")).toBe(0);
  });

  test("of a product that is there answers it and changes nothing", async () => {
    const { store } = await open();
    await store.initialize(initializeCommand("p1", 50));
    const there = await productOf(store, "p1");
    const before = await dump(redis);
    const outcome = await store.initialize(initializeCommand("p1", 7, { name: "other" }));
    expect(outcome).toEqual({ kind: "exists", product: there });
    expect(await dump(redis)).toEqual(before);
  });

  test("refuses a SKU that another product has, and names it", async () => {
    const { store } = await open();
    const sku = Sku.parse("SHARED");
    await store.initialize(initializeCommand("p1", 50, { sku }));
    const before = await dump(redis);
    expect(await store.initialize(initializeCommand("p2", 5, { sku }))).toEqual({
      kind: "sku_taken",
      productId: product("p1"),
      product: await productOf(store, "p1"),
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("of a product that is there claims no SKU, nor minds whose the one it names is", async () => {
    const { store } = await open();
    await store.initialize(initializeCommand("p1", 50, { sku: Sku.parse("S1") }));
    await store.initialize(initializeCommand("p2", 50, { sku: Sku.parse("p1") }));
    const there = await productOf(store, "p1");
    const before = await dump(redis);
    for (const sku of [Sku.parse("p1"), Sku.parse("nobody-has-it")]) {
      const outcome = await store.initialize(initializeCommand("p1", 7, { sku }));
      expect(outcome).toEqual({ kind: "exists", product: there });
    }
    expect(await dump(redis)).toEqual(before);
  });
});

describe("a SKU whose claim was left behind by a caller that died", () => {
  const sku = Sku.parse("SHARED");
  const MINUTE_MS = 60_000;
  /** The products of that SKU that were made when all were asked for at once. */
  async function madeAtOnce(ids: readonly string[]): Promise<string[]> {
    const processes = await Promise.all([open(), open(), open(), open()]);
    const outcomes = await Promise.all(
      ids.map((id, i) => processes[i % 4]?.store.initialize(initializeCommand(id, 1, { sku }))),
    );
    const made = ids.filter((_, i) => outcomes[i]?.kind === "initialized");
    const others = outcomes.filter((outcome) => outcome?.kind === "sku_taken");
    expect(made.length + others.length).toBe(ids.length);
    expect(await redis.keys("{p0}:stock:*")).toHaveLength(made.length);
    return made;
  }
  const many = Array.from({ length: 40 }, (_, i) => `p${i}`);

  test("is that of one product, however many find it old at once", async () => {
    await redis.set(skuKey(sku), `ghost\t${Date.now() - 2 * MINUTE_MS}`);
    const made = await madeAtOnce(many);
    expect(made).toHaveLength(1);
    expect(await redis.get(skuKey(sku))).toStartWith(`${made[0]}\t`);
  });

  test("stays that of a caller who comes back to it, though others found it old", async () => {
    await redis.set(skuKey(sku), `p0\t${Date.now() - 2 * MINUTE_MS}`);
    expect(await madeAtOnce([...many.slice(1), "p0"])).toHaveLength(1);
  });

  test("is nobody's else while the claim is young", async () => {
    const { store } = await open();
    const claim = `ghost\t${Date.now() - MINUTE_MS / 2}`;
    await redis.set(skuKey(sku), claim);
    expect(await store.initialize(initializeCommand("p1", 1, { sku }))).toEqual({
      kind: "sku_taken",
      productId: product("ghost"),
      product: null,
    });
    expect(await redis.get(skuKey(sku))).toBe(claim);
    expect(await redis.keys("{p0}:stock:*")).toEqual([]);
    expect(await madeAtOnce(["ghost"])).toEqual(["ghost"]);
  });
});

describe("initialize under an Idempotency-Key", () => {
  test("gives a repeat the first answer, whatever happened to the product since", async () => {
    const { store } = await open();
    const command = initializeCommand("p1", 50, { operation: operation("k1") });
    const first = await store.initialize(command);
    await store.initialize(initializeCommand("p2", 1));
    const before = await dump(redis);
    const again: unknown = await store.initialize(command);
    expect(again).toEqual({ ...first, replayed: true });
    expect(await dump(redis)).toEqual(before);
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await store.initialize(initializeCommand("p1", 50, { operation: operation("k1") }));
    const other = initializeCommand("p2", 50, { operation: operation("k1", "another body") });
    expect(await store.initialize(other)).toEqual({ kind: "key_reused" });
    expect(await redis.exists("{p0}:stock:p2")).toBe(0);
  });
});

test("an initialize that cannot be read fails, and changes nothing", async () => {
  await open();
  const good = initializeLine(initializeCommand("p1", 50));
  const before = await dump(redis);
  const fields = good.split("\t");
  const withField = (index: number, text: string) => fields.with(index, text).join("\t");
  const malformed = [
    "",
    "garbage",
    fields.slice(0, -1).join("\t"),
    withField(0, "{p1}"),
    withField(0, ""),
    withField(2, "two\nlines"),
    withField(3, "-1"),
    withField(4, "1e3"),
    withField(7, "-1"),
    withField(9, "a,b"),
    withField(9, ""),
    withField(10, "-1"),
    withField(10, "1e3"),
    withField(10, "nan"),
    withField(10, "1000000000001"),
    withField(11, "not hex"),
  ];
  const other = initializeLine(initializeCommand("p2", 50));
  for (const line of malformed) {
    await expect(sendBatch(redis, "initialize", {}, [other, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("initialize raced by 40 callers from 4 processes makes the product once", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      stores[i % stores.length]?.store.initialize(initializeCommand("p1", 1 + i)),
    ),
  );
  const made = outcomes.flatMap((outcome) => (outcome?.kind === "initialized" ? [outcome] : []));
  expect(made).toHaveLength(1);
  const found: Product[] = outcomes.flatMap((it) => (it?.kind === "exists" ? [it.product] : []));
  expect(found).toHaveLength(39);
  expect(new Set(found.map(({ levels }) => levels[0]?.onHand))).toEqual(
    new Set([made[0]?.product.levels[0]?.onHand]),
  );
});

test("initialize produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/initialize.lua");
  expect(answers.of("stock/initialize.lua").items).toEqual([...items]);
});
