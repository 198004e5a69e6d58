import { describe, expect, test } from "bun:test";
import { check } from "#inventory/check";
import { expire } from "#inventory/expire";
import { listKnownLocations } from "#inventory/list-known-locations";
import { listLowStock } from "#inventory/list-low-stock";
import { listProducts } from "#inventory/list-products";
import { listRecentProducts } from "#inventory/list-recent-products";
import {
  DEFAULT_RULE,
  Location,
  ProductId,
  QUANTITY_MAX,
  Sku,
  type Product,
} from "#inventory/model";
import { NUMBERED_ROWS_MAX } from "#inventory/numbered-page";
import type { Position, RowRange } from "#inventory/ports";
import { readProductOfSku } from "#inventory/read-product-of-sku";
import { LEDGER_WAIT_MS_MAX, waitForLedger } from "#inventory/wait-for-ledger";
import { depsOf, PRODUCT_ID, productOf } from "#test/ports-double";

const ctx = { deadline: Infinity };
const stocked = (id: string, onHand: number, changes: Partial<Product> = {}): Product =>
  productOf({
    productId: ProductId.parse(id),
    levels: [{ location: Location.parse("A"), onHand, reserved: 0, ...DEFAULT_RULE }],
    ...changes,
  });

/** A store whose products are these, and which counts how often each is read. */
function storeOf(products: readonly Product[]) {
  const reads: string[] = [];
  const product = async (productId: ProductId) => {
    reads.push(productId);
    return products.find((one) => one.productId === productId) ?? null;
  };
  return { reads, product };
}

describe("waiting for the ledger", () => {
  const positionsOf = (...steps: (readonly Position[])[]) => {
    let asked = 0;
    const positions = async (_deadline: number, only: number | null = null) => {
      const step = steps[Math.min(asked++, steps.length - 1)] ?? [];
      return step.filter(({ partition }) => only === null || partition === only);
    };
    return { positions, asked: () => asked };
  };
  const at = (seq: number, drained: number, partition = 0) => ({ partition, seq, drained });

  test("asks once when the ledger has it all", async () => {
    const { positions, asked } = positionsOf([at(5, 5)]);
    expect(await waitForLedger(depsOf({ store: { positions } }), Infinity)).toBe(0);
    expect(asked()).toBe(1);
  });

  test("waits for what had happened when it was asked, not for what came later", async () => {
    const { positions, asked } = positionsOf([at(5, 3)], [at(90, 4)], [at(99, 5)]);
    expect(await waitForLedger(depsOf({ store: { positions } }), Infinity)).toBe(0);
    expect(asked()).toBe(3);
  });

  test("waits for every partition, or for the one that matters", async () => {
    const { positions } = positionsOf([at(5, 5), at(9, 7, 1)]);
    const deps = depsOf({ store: { positions } });
    const deadline = Date.now() + 30;
    expect(await waitForLedger(deps, deadline)).toBe(2);
    expect(await waitForLedger(deps, deadline, 0)).toBe(0);
    expect(await waitForLedger(deps, Date.now() + 30, 1)).toBe(2);
  });

  test("gives up after a second, or at the deadline, and says what is missing", async () => {
    const { positions } = positionsOf([at(5, 3)]);
    const deps = depsOf({ store: { positions } });
    const startedAt = performance.now();
    expect(await waitForLedger(deps, Infinity)).toBe(2);
    expect(performance.now() - startedAt).toBeWithin(LEDGER_WAIT_MS_MAX - 100, 1500);
    const again = performance.now();
    expect(await waitForLedger(deps, Date.now() + 50)).toBe(2);
    expect(performance.now() - again).toBeLessThan(400);
    expect(await waitForLedger(deps, Date.now() - 1)).toBe(2);
  });
});

describe("check", () => {
  const items = (...quantities: number[]) =>
    quantities.map((quantity) => ({ productId: PRODUCT_ID, quantity }));

  test("reads each product once, however often it is named", async () => {
    const store = storeOf([stocked("p1", 5)]);
    const outcome = await check(depsOf({ store }), ctx, items(2, 3));
    expect(store.reads).toEqual(["p1"]);
    expect(outcome.allAvailable).toBe(true);
    expect((await check(depsOf({ store }), ctx, items(2, 3, 1))).allAvailable).toBe(false);
  });

  test("keeps its numbers whole at the largest question", async () => {
    const store = storeOf([stocked("p1", 500 * QUANTITY_MAX - 1)]);
    const all = items(...Array.from({ length: 500 }, () => QUANTITY_MAX));
    expect((await check(depsOf({ store }), ctx, all)).allAvailable).toBe(false);
    expect((await check(depsOf({ store }), ctx, all.slice(1))).allAvailable).toBe(true);
  });
});

describe("a SKU", () => {
  const sku = Sku.parse("SKU-1");
  const caughtUp = async () => [{ partition: 0, seq: 1, drained: 1 }];
  const behind = async () => [{ partition: 0, seq: 1, drained: 0 }];
  const soon = () => ({ deadline: Date.now() + 30 });

  test("that was claimed for a product which was never made is looked up in the ledger", async () => {
    const store = { ...storeOf([]), productOfSku: async () => PRODUCT_ID, positions: caughtUp };
    expect(await readProductOfSku(depsOf({ store }), soon(), sku)).toBeNull();
  });

  test("that was claimed for a product with another SKU is not that product's", async () => {
    const other = stocked("p1", 5, { sku: Sku.parse("SKU-2") });
    const store = {
      ...storeOf([other]),
      productOfSku: async () => PRODUCT_ID,
      positions: caughtUp,
    };
    expect(await readProductOfSku(depsOf({ store }), soon(), sku)).toBeNull();
  });

  test("is never called unknown while the ledger lags", async () => {
    const store = { ...storeOf([]), productOfSku: async () => null, positions: behind };
    const outcome = readProductOfSku(depsOf({ store }), soon(), sku);
    await expect(outcome).rejects.toMatchObject({ code: "ledger_unavailable" });
    const known = storeOf([stocked("p1", 5)]);
    const ledger = { productOfSku: async () => PRODUCT_ID };
    const deps = depsOf({ store: { ...store, ...known }, ledger });
    expect(await readProductOfSku(deps, soon(), sku)).toMatchObject({ productId: "p1" });
  });
});

describe("lists", () => {
  const ids = ["a", "b", "c", "d"].map((id) => ProductId.parse(id));

  test("of low stock are sorted by what is there now, without what was restocked", async () => {
    const now = [stocked("a", 9), stocked("b", 11), stocked("c", 3), stocked("d", 0)];
    const store = { ...storeOf(now), lowStock: async () => ids };
    const { products } = await listLowStock(depsOf({ store }), ctx, 10);
    expect(products.map(({ productId }) => String(productId))).toEqual(["d", "c", "a"]);
    const { products: two } = await listLowStock(depsOf({ store }), ctx, 2);
    expect(two.map(({ productId }) => String(productId))).toEqual(["d", "c"]);
  });

  test("of products keep the ledger's order and leave out what is gone", async () => {
    const store = storeOf([stocked("c", 1), stocked("a", 2)]);
    const ledger = { products: async () => ({ items: ids, nextCursor: "x" }) };
    const query = { q: null, status: null, location: null, cursor: null, limit: 4 };
    const { page, lag } = await listProducts(depsOf({ store, ledger }), ctx, query);
    expect(page.items.map(({ productId }) => String(productId))).toEqual(["a", "c"]);
    expect([page.nextCursor, lag]).toEqual(["x", 0]);
  });
});

describe("numbered pages", () => {
  const recent = { status: null, location: null, isLow: false };
  /** Both lists over a ledger that notes which rows it is asked for. */
  const pagesOf = (positions: () => Promise<readonly Position[]>) => {
    const asked: RowRange[] = [];
    const deps = depsOf({
      store: { ...storeOf([stocked("b", 1), stocked("a", 2)]), positions },
      ledger: {
        recentProducts: async (_filter, rows) => {
          asked.push(rows);
          return { items: ["a", "gone", "b"].map((id) => ProductId.parse(id)), total: 33 };
        },
        knownLocations: async (_active, rows) => {
          asked.push(rows);
          return { items: [], total: 44 };
        },
      },
    });
    const soon = { deadline: Date.now() + 30 };
    return {
      asked,
      products: (page: number, limit: number) =>
        listRecentProducts(deps, soon, { page, limit, ...recent }),
      locations: (page: number, limit: number) =>
        listKnownLocations(deps, soon, { page, limit, active: null }),
    };
  };
  const caughtUp = async () => [{ partition: 0, seq: 1, drained: 1 }];

  test("are those rows of the ledger, products with their live counters and without what is gone", async () => {
    const { asked, products, locations } = pagesOf(caughtUp);
    const list = await products(3, 10);
    expect(list.products.map(({ productId }) => String(productId))).toEqual(["a", "b"]);
    expect(list.products[0]?.levels).toMatchObject([{ onHand: 2 }]);
    expect([list.total, list.lag]).toEqual([33, 0]);
    expect(await locations(1, 7)).toEqual({ locations: [], total: 44, lag: 0 });
    expect(asked).toEqual([
      { before: 20, limit: 10 },
      { before: 0, limit: 7 },
    ]);
  });

  test("say how many movements the ledger lacks", async () => {
    const { products, locations } = pagesOf(async () => [{ partition: 0, seq: 9, drained: 4 }]);
    expect(await products(1, 10)).toMatchObject({ total: 33, lag: 5 });
    expect(await locations(1, 10)).toMatchObject({ total: 44, lag: 5 });
  });

  test("end where the ledger would pass over too many rows, and a page beyond asks nothing", async () => {
    const { asked, products, locations } = pagesOf(caughtUp);
    const last = NUMBERED_ROWS_MAX / 100;
    for (const list of [products, locations]) {
      await list(last, 100);
      for (const page of [last + 1, 0, -1, Number.MAX_SAFE_INTEGER, Number.NaN]) {
        await expect(list(page, 100)).rejects.toMatchObject({
          code: "validation_failed",
          errors: [{ path: "page" }],
        });
      }
    }
    const rows = { before: NUMBERED_ROWS_MAX - 100, limit: 100 };
    expect(asked).toEqual([rows, rows]);
  });
});

describe("expire", () => {
  test("gives every partition its turn before any gets a second", async () => {
    const asked: number[] = [];
    const step = async (partition: number) => {
      asked.push(partition);
      return { expired: 2, more: partition === 1 && asked.length < 5 };
    };
    const store = { expire: step, partitions: 3 };
    expect(await expire(depsOf({ store }), ctx)).toEqual({ cleaned: 10, more: false });
    expect(asked).toEqual([0, 1, 2, 1, 1]);
  });

  test("ends: after its steps, and at its deadline", async () => {
    let steps = 0;
    const step = async () => {
      steps += 1;
      return { expired: 1, more: true };
    };
    const store = { expire: step, partitions: 2 };
    expect(await expire(depsOf({ store }), ctx)).toEqual({ cleaned: 40, more: true });
    let now = 0;
    const clock = { now: () => (now += 1) };
    const late = await expire(depsOf({ store, clock }), { deadline: 4 });
    expect(late).toEqual({ cleaned: 3, more: true });
    expect(steps).toBe(43);
  });
});
