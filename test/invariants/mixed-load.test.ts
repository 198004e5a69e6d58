import { expect, test } from "bun:test";
import { audit } from "#test/audit";
import { evidence } from "#test/evidence";
import { startExpiringLoad } from "#test/expiring-load";
import { startLoad } from "#test/load";
import { Random } from "#test/random";
import { counted, seed } from "#test/scale";
import { startRedis, testDatabase } from "#test/servers";
import { startService } from "#test/service";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const LOAD_MS = counted(20_000, 300_000);
const TEST_MS_MAX = counted(60_000, 30 * 60_000);
/** Of movements, each of which must have been made, or the load was not mixed. */
const TYPES =
  "INITIAL RESERVE SALE RELEASE EXTEND RESTOCK RETURN ADJUSTMENT TRANSFER ATTRIBUTE".split(" ");

test(
  "a mixed load for 20 s ends with stock, holds, ledger and snapshots equal",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using api = await startService({ ...servers, role: "api" });
    await using worker = await startService({ ...servers, role: "worker" });
    await using stores = await openStoresOf(redis.url, database.url);
    await using load = await startLoad({ url: api.url, users: 24, products: 8, units: 700 });
    const expiring = startExpiringLoad(stores.store, load.productIds, {
      random: new Random(seed()),
    });
    const endAt = performance.now() + LOAD_MS;
    await until(() => performance.now() >= endAt || load.strange.length > 0, {
      withinMs: LOAD_MS + 5_000,
      what: "the load is over",
    });
    await Promise.all([load.stop(), expiring.stop()]);

    expect([...load.strange, ...expiring.strange]).toEqual([]);
    const failed = [...load.caller.attempts.keys()].filter((name) =>
      / 5\d\d$|no answer/.test(name),
    );
    expect(failed).toEqual([]);
    const acknowledged = [...load.acknowledged, ...expiring.acknowledged];
    const byType = Map.groupBy(acknowledged, ({ type }) => type);
    expect(TYPES.filter((type) => ![...byType.keys()].some((known) => known === type))).toEqual([]);
    const audited = await audit({ ...servers, acknowledged });
    expect([api.hasExited(), worker.hasExited()]).toEqual([false, false]);
    expect(expiring.expired).toBeGreaterThan(0);
    expect(expiring.confirmed).toBeGreaterThan(0);
    expect(expiring.reacquired).toBeGreaterThan(0);
    evidence("a mixed load ends with stock, holds, ledger and snapshots equal", {
      "for (s)": LOAD_MS / 1_000,
      requests: [...load.caller.attempts.values()].reduce((sum, count) => sum + count, 0),
      "short holds": expiring.made,
      "confirmed at their end": expiring.confirmed,
      "sold after they expired": expiring.reacquired,
      "movements audited": audited.movements,
    });
  },
  TEST_MS_MAX,
);
