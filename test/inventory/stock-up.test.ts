/** Units for a product that is made where it is not there, on a real Redis. */
import { describe, expect, test } from "bun:test";
import { CustomerId, QUANTITY_MAX, Sku, STOCK_MAX } from "#inventory/model";
import type { Deps, RequestContext } from "#inventory/context";
import type { Operation, StockStore } from "#inventory/ports";
import { stockUp, type StockUpOutcome } from "#inventory/stock-up";
import { dump } from "#test/keyspace";
import { depsOf } from "#test/ports-double";
import { redisOfFile } from "#test/redis";
import { initialize, operation, product, soon, totals } from "#test/store";

const { redis, open } = await redisOfFile();

const p1 = product("p1");
const K = operation("k1", "a body");

const request = (used: Operation | null): RequestContext => ({
  caller: { role: "service", subject: CustomerId.parse("ada") },
  requestId: "r-1",
  operation: used,
  deadline: soon(),
});

const depsWith = (store: StockStore): Deps => ({ ...depsOf({}), store });

const up = (store: StockStore, initialStock: number, used: Operation | null = null) => {
  const input = { productId: p1, sku: Sku.parse("p1"), initialStock };
  return stockUp(depsWith(store), request(used), input);
};

/** The store as one caller sees it who is held up before it adds; `go` lets it go on. */
function heldUp(store: StockStore) {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const held: StockStore = new Proxy(store, {
    get(target, name) {
      if (name !== "adjust") {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      const adjust: StockStore["adjust"] = async (command) => {
        reached.resolve();
        await gate.promise;
        return target.adjust(command);
      };
      return adjust;
    },
  });
  return { held, reached: reached.promise, go: gate.resolve };
}

/** How often the outcomes say that something was done. */
const effects = (outcomes: readonly StockUpOutcome[]): number =>
  outcomes.filter((outcome) => "replayed" in outcome && !outcome.replayed).length;

describe("stocking up", () => {
  test("makes the product, and then adds to its home", async () => {
    const { store } = await open();
    expect(await up(store, 5)).toMatchObject({ kind: "initialized", replayed: false });
    expect(await up(store, 7)).toMatchObject({ kind: "adjusted", replayed: false });
    expect(await totals(store, "p1")).toEqual({ onHand: 12, reserved: 0, available: 12 });
  });

  test("with nothing makes an empty product, and changes none that is there", async () => {
    const { store } = await open();
    expect(await up(store, 0)).toMatchObject({ kind: "initialized" });
    const before = await dump(redis);
    expect(await up(store, 0, K)).toMatchObject({ kind: "exists" });
    expect(await dump(redis)).toEqual(before);
  });

  test("refuses more than one operation may move, and more than a product may have", async () => {
    const { store } = await open();
    expect(await up(store, STOCK_MAX)).toMatchObject({ kind: "initialized" });
    const before = await dump(redis);
    expect(await up(store, 1, K)).toEqual({
      kind: "above_limit",
      limit: "stock",
      onHand: STOCK_MAX,
    });
    await expect(up(store, QUANTITY_MAX + 1)).rejects.toMatchObject({ code: "validation_failed" });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("stocking up under an Idempotency-Key has one effect", () => {
  for (const [there, isThere] of [
    ["of a product that is there", true],
    ["of one that is not", false],
  ] as const) {
    test(`however many copies come at once from 4 processes, ${there}`, async () => {
      const stores = await Promise.all([open(), open(), open(), open()]);
      const [{ store }] = stores;
      if (isThere) await initialize(store, "p1", 100);
      const copies = Array.from({ length: 60 }, (_, i) =>
        up(stores[i % stores.length]?.store ?? store, 7, K),
      );
      const outcomes = await Promise.all(copies);
      expect(new Set(outcomes.map(({ kind }) => kind)).size).toBe(1);
      expect(effects(outcomes)).toBe(1);
      expect((await totals(store, "p1")).onHand).toBe(isThere ? 107 : 7);
    });
  }

  test("when copies race with others who make the product", async () => {
    const stores = await Promise.all([open(), open(), open(), open()]);
    const [{ store }] = stores;
    const all = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const own = stores[i % stores.length]?.store ?? store;
        return { isCopy: i % 3 > 0, outcome: await up(own, 1, i % 3 > 0 ? K : null) };
      }),
    );
    const copies = all.filter(({ isCopy }) => isCopy).map(({ outcome }) => outcome);
    expect(effects(copies)).toBe(1);
    expect((await totals(store, "p1")).onHand).toBe(20 + 1);
  });

  test("when a copy was held up half way, and another did all of it meanwhile", async () => {
    const { store } = await open();
    await initialize(store, "p1", 100);
    const { held, reached, go } = heldUp(store);
    const late = up(held, 7, K);
    await reached;
    const outcome: unknown = await up(store, 7, K);
    expect(outcome).toMatchObject({ kind: "adjusted", replayed: false });
    go();
    const lateOutcome: unknown = await late;
    expect(lateOutcome).toEqual({ ...Object(outcome), replayed: true });
    expect((await totals(store, "p1")).onHand).toBe(107);
  });

  test("whether it made the product or added to it, and says so to each repeat", async () => {
    const { store } = await open();
    const add = operation("k2", "another body");
    const [made, added] = [await up(store, 5, K), await up(store, 6, add)];
    await up(store, 100);
    const before = await dump(redis);
    const [madeAgain, addedAgain]: unknown[] = [await up(store, 5, K), await up(store, 6, add)];
    expect(madeAgain).toEqual({ ...made, replayed: true });
    expect(addedAgain).toEqual({ ...added, replayed: true });
    expect(await dump(redis)).toEqual(before);
  });

  test("in the partition of its product: in another one the key is new", async () => {
    const { store } = await open({ partitions: 2 });
    const elsewhere = product(
      ["a", "b", "c", "d"].find((id) => store.partitionOf(id) !== store.partitionOf(p1)) ?? "",
    );
    await up(store, 7, K);
    const input = { productId: elsewhere, sku: Sku.parse(elsewhere), initialStock: 3 };
    const other = request(operation("k1", "another body"));
    expect(await stockUp(depsWith(store), other, input)).toMatchObject({ replayed: false });
    expect(await up(store, 7, K)).toMatchObject({ replayed: true });
    expect((await totals(store, elsewhere)).onHand).toBe(3);
  });

  test("and is refused with another body, be it of no units", async () => {
    const { store } = await open();
    await initialize(store, "p1", 100);
    await up(store, 7, K);
    const before = await dump(redis);
    const other = operation("k1", "none of it");
    expect(await up(store, 0, other)).toEqual({ kind: "key_reused" });
    expect(await up(store, 8, other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });
});
