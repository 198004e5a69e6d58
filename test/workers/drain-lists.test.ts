import { expect, test } from "bun:test";
import type { Deps } from "#inventory/context";
import { listKnownLocations } from "#inventory/list-known-locations";
import { listProducts } from "#inventory/list-products";
import { listRecentProducts } from "#inventory/list-recent-products";
import { Location, totalsOf, type Product } from "#inventory/model";
import { processClock } from "#lib/clock";
import { depsOf } from "#test/ports-double";
import { startRedis, testDatabase } from "#test/servers";
import { startService } from "#test/service";
import { adjustCommand, initialize, register, reserve, transferCommand } from "#test/store";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const PARTITIONS = 2;
const TEST_MS_MAX = 60_000;
const EVERY = { page: 1, limit: 100, status: null, location: null, isLow: false };

/** Two partitions, a worker that drains them, and the core over both. */
async function openLists() {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const database = stack.use(await testDatabase());
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const env = { PARTITIONS: String(PARTITIONS) };
  const worker = stack.use(await startService({ ...servers, role: "worker", env }));
  const stores = stack.use(await openStoresOf(redis.url, database.url, env));
  const { store, ledger } = stores;
  const deps: Deps = { ...depsOf({}), store, ledger, clock: processClock };
  const within = (ms: number) => ({ deadline: deps.clock.now() + ms });
  // Lists wait for a second at most, and the machine may be busy.
  const isDrained = async () =>
    (await store.positions(within(TEST_MS_MAX).deadline)).every(
      ({ seq, drained }) => seq === drained,
    );
  const drained = () => until(isDrained, { withinMs: 20_000, what: "the ledger has everything" });
  const all = stack.move();
  return { store, deps, worker, within, drained, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

const idsOf = (products: readonly Product[]) => products.map(({ productId }) => String(productId));
/** What the list promises, told from the products themselves. */
const newestFirst = (products: readonly Product[]) =>
  products.toSorted((a, b) => b.updatedAt - a.updatedAt || (a.productId < b.productId ? -1 : 1));

test(
  "numbered lists have every partition's products and locations, live, and say what the ledger lacks",
  async () => {
    await using lists = await openLists();
    const { store, deps, worker, within, drained } = lists;
    const ids = ["p1", "p2", "p3", "p4", "p5"];
    const { deadline } = within(TEST_MS_MAX);
    for (const id of ids) await initialize(store, id, 50, { deadline });
    const hallB = Location.parse("Hall B");
    await store.transfer(transferCommand("p2", 20, { to: hallB, deadline }));
    await register(store, "Hall C", { name: "C", priority: 900, deadline });
    await reserve(store, "o1", { p1: 45 }, { deadline });
    await drained();

    const { products, total, lag } = await listRecentProducts(deps, within(5_000), EVERY);
    expect([total, lag]).toEqual([ids.length, 0]);
    expect(idsOf(products).toSorted()).toEqual(ids);
    expect(idsOf(products)).toEqual(idsOf(newestFirst(products)));
    const low = await listRecentProducts(deps, within(5_000), { ...EVERY, isLow: true });
    expect([idsOf(low.products), low.total]).toEqual([["p1"], 1]);
    const known = await listKnownLocations(deps, within(5_000), {
      page: 1,
      limit: 10,
      active: null,
    });
    expect(known).toMatchObject({
      locations: [
        { location: "Hall C", name: "C" },
        { location: "Hall B" },
        { location: "Warehouse A" },
      ],
      total: 3,
      lag: 0,
    });

    await worker.kill();
    await store.adjust(adjustCommand("p3", 7, { deadline }));
    const behind = await listRecentProducts(deps, within(5_000), EVERY);
    // The row is where it was, its counters are those of now.
    expect([behind.lag, behind.total, idsOf(behind.products)]).toEqual([1, 5, idsOf(products)]);
    const p3 = behind.products.find(({ productId }) => productId === "p3");
    expect(p3 && totalsOf(p3).onHand).toBe(57);
    const later = await listKnownLocations(deps, within(5_000), {
      page: 2,
      limit: 2,
      active: true,
    });
    expect([later.lag, later.locations.length, later.total]).toEqual([1, 1, 3]);
  },
  TEST_MS_MAX,
);

test(
  "a list has a thousand products a page, each once and in one order, while they are sold",
  async () => {
    await using lists = await openLists();
    const { store, deps, within, drained } = lists;
    const count = 2_100;
    const { deadline } = within(TEST_MS_MAX);
    const ids = Array.from({ length: count }, (_, number) => `p${number}`);
    await Promise.all(ids.map((id) => initialize(store, id, 5, { deadline })));
    await drained();
    const sizes: number[] = [];
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const query = { q: null, status: null, location: null, cursor, limit: 1_000 };
      const { page } = await listProducts(deps, within(5_000), query);
      sizes.push(page.items.length);
      found.push(...idsOf(page.items));
      cursor = page.nextCursor;
      await reserve(store, `o${sizes.length}`, { p1999: 1 }, { deadline });
    } while (cursor !== null && sizes.length < 10);
    expect(sizes).toEqual([1_000, 1_000, 100]);
    expect(found).toEqual(ids.toSorted());
  },
  TEST_MS_MAX,
);
