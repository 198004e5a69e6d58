import { expect, test } from "bun:test";
import { addToStanding } from "#inventory/add-to-standing";
import type { RequestContext } from "#inventory/context";
import { count } from "#inventory/count";
import { deductStanding } from "#inventory/deduct-standing";
import { listMovements } from "#inventory/list-movements";
import { CustomerId, Location, OrderId } from "#inventory/model";
import { releaseStanding } from "#inventory/release-standing";
import { processClock } from "#lib/clock";
import { audit } from "#test/audit";
import { depsOf } from "#test/ports-double";
import { startRedis, testDatabase } from "#test/servers";
import { startService } from "#test/service";
import { initialize, product } from "#test/store";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;

test(
  "the ledger has each count, and what became of standing holds with their orders",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using worker = await startService({ ...servers, role: "worker" });
    await using stores = await openStoresOf(redis.url, database.url, {});
    const { store, ledger } = stores;
    const deps = { ...depsOf({}), store, ledger, clock: processClock };
    const deadline = deps.clock.now() + TEST_MS_MAX;
    const request = (requestId: string): RequestContext => ({
      caller: { role: "admin", subject: CustomerId.parse("ada") },
      requestId,
      operation: null,
      deadline,
    });
    const productId = product("p1");
    const counted = (requestId: string, quantity: number, location: Location | null = null) => {
      const expected = { expectedQuantity: null, expectedSeq: null };
      const input = { productId, quantity, location, reason: "stocktaking", ...expected };
      return count(deps, request(requestId), input);
    };

    await initialize(store, "p1", 50, { deadline });
    await counted("fewer", 44);
    await counted("same", 44);
    await counted("elsewhere", 7, Location.parse("Yard"));
    const standing = { contract: "eureka", productId, orderId: OrderId.parse("o1") };
    await addToStanding(deps, request("held"), { ...standing, quantity: 9 });
    await releaseStanding(deps, request("released"), { ...standing, quantity: 2 });
    await deductStanding(deps, request("deducted"), { ...standing, quantity: 3 });

    const isDrained = async () =>
      (await store.positions(deadline)).every(({ seq, drained }) => seq === drained);
    await until(isDrained, { withinMs: 10_000, what: "the ledger has everything" });
    const list = await listMovements(deps, request("list"), productId, 10);
    const movement = { actor: "admin:ada", orderId: null, reason: "stocktaking" };
    expect(list.kind === "movements" && list.movements).toMatchObject([
      { requestId: "deducted", type: "SALE", onHandAfter: 41, reservedAfter: 4, orderId: "o1" },
      { requestId: "released", type: "RELEASE", reservedAfter: 7, orderId: "o1" },
      { requestId: "held", type: "RESERVE", reservedAfter: 9, orderId: "o1" },
      { type: "COUNT", location: "Yard", onHandBefore: 0, onHandAfter: 7, ...movement },
      { type: "COUNT", onHandBefore: 44, onHandAfter: 44, ...movement },
      { type: "COUNT", onHandBefore: 50, onHandAfter: 44, ...movement },
      { type: "INITIAL" },
    ]);
    // Sums of the ledger, its snapshot and Redis are the same.
    const fewer = { requestId: "fewer", type: "COUNT", units: 6, reservationId: null } as const;
    const audited = await audit({ ...servers, partitions: 1, acknowledged: [fewer] });
    expect(audited.levels).toBe(2);
    expect(worker.hasExited()).toBe(false);
  },
  TEST_MS_MAX,
);
