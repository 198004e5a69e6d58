import { expect, test } from "bun:test";
import { listLowStock } from "#inventory/list-low-stock";
import { listMovements } from "#inventory/list-movements";
import { listProducts } from "#inventory/list-products";
import { Location } from "#inventory/model";
import { processClock } from "#lib/clock";
import { audit } from "#test/audit";
import { depsOf } from "#test/ports-double";
import { startRedis, testDatabase } from "#test/servers";
import { startService } from "#test/service";
import {
  amendLocationCommand,
  initialize,
  product,
  register,
  reserve,
  transferCommand,
} from "#test/store";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const PARTITIONS = 2;
const TEST_MS_MAX = 60_000;
const ALL = { q: null, status: null, location: null, cursor: null, limit: 10 };

test(
  "the ledger has each transfer and the registry of every partition, and lists obey it",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    const env = { PARTITIONS: String(PARTITIONS) };
    await using worker = await startService({ ...servers, role: "worker", env });
    await using stores = await openStoresOf(redis.url, database.url, env);
    const { store, ledger } = stores;
    const deps = { ...depsOf({}), store, ledger, clock: processClock };
    const ctx = { deadline: deps.clock.now() + TEST_MS_MAX };
    const { deadline } = ctx;
    const ids = ["p1", "p2", "p3", "p4"];
    const low = async () => {
      const { products } = await listLowStock(deps, ctx, 10);
      return products.map(({ productId }) => String(productId));
    };
    const inStock = async () => {
      const { page } = await listProducts(deps, ctx, { ...ALL, status: "in_stock" });
      return page.items.map(({ productId }) => String(productId));
    };

    // Lists wait for a second at most, and the machine may be busy.
    const lists = async () => {
      const isDrained = async () =>
        (await store.positions(deadline)).every(({ seq, drained }) => seq === drained);
      await until(isDrained, { withinMs: 10_000, what: "the ledger has everything" });
      return [await low(), await inStock()];
    };

    for (const id of ids) await initialize(store, id, 50, { deadline });
    await reserve(store, "o1", { p1: 3 }, { deadline });
    const more = {
      deadline,
      to: Location.parse("Warehouse B"),
      context: { actor: "admin:ada", requestId: "r1" },
    };
    await store.transfer(transferCommand("p1", 20, more));
    await store.transfer(transferCommand("p2", 45, { to: more.to, deadline }));
    expect(await lists()).toEqual([[], ids]);

    await register(store, "Warehouse B", { priority: 1, deadline });
    const amend = async (changes: { active: boolean; name?: string }) =>
      await store.amendLocation(amendLocationCommand("Warehouse B", changes, { deadline }));
    await amend({ active: false, name: "B" });
    expect(await lists()).toEqual([["p2"], ["p1", "p3", "p4"]]);
    await amend({ active: true });
    expect(await lists()).toEqual([[], ids]);

    const list = await listMovements(deps, ctx, product("p1"), 10);
    expect(list.kind === "movements" && list.movements).toMatchObject([
      { type: "TRANSFER", location: "Warehouse B", onHandBefore: 0, onHandAfter: 20 },
      { type: "TRANSFER", onHandBefore: 50, onHandAfter: 30, reservedAfter: 3 },
      { type: "RESERVE" },
      { type: "INITIAL" },
    ]);
    // 20 out and 20 in.
    const transferred = {
      requestId: "r1",
      type: "TRANSFER",
      units: 40,
      reservationId: null,
    } as const;
    const audited = await audit({
      ...servers,
      partitions: PARTITIONS,
      acknowledged: [transferred],
    });
    expect(audited.levels).toBe(6);
    expect(worker.hasExited()).toBe(false);
  },
  TEST_MS_MAX,
);
