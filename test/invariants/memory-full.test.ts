/** Redis is at `maxmemory` and evicts nothing: what frees stock must still get through. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "bun:test";
import { Redis } from "ioredis";
import { randomId } from "#lib/ids";
import { metaKey } from "#redis/keys";
import type { Acknowledged } from "#test/audit";
import { inventoryOf } from "#test/caller";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { survive, type Expected, type Survived } from "#test/outage";
import type { Probe } from "#test/probes";
import { counted } from "#test/scale";
import { temporaryFolder } from "#test/servers";
import { makeHolds, makeProduct } from "#test/short-holds";
import { spreadOf } from "#test/spread";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const TIMES = counted(1, 25);
const DEADLINE_MS = 2_000;
const OUTAGE_MS = 1_000;
/** The sweep comes every 5 s; wake-ups need memory. */
const RELEASED_MS_MAX = 7_000;
const HOLDS = 20;
/** Below what an empty Redis uses. */
const FULL = "1mb";
const TEST_MS_MAX = counted(60_000, 60 * 60_000);

const expected = ({ endsHold }: Probe): Expected => (endsHold ? "done" : "refused");

/** Due in a second. */
async function shortHolds({ servers }: Installation, acknowledged: Acknowledged[]) {
  await using stores = await openStoresOf(servers.redisUrl, servers.databaseUrl);
  const productId = `due-${randomId(8)}`;
  await makeProduct(stores, productId, HOLDS, acknowledged);
  await makeHolds(stores, { productId, count: HOLDS, seconds: 1 }, acknowledged);
  return productId;
}

test(
  "Redis is out of memory: what ends a hold is done, every other change is refused, holds still expire",
  async () => {
    const folder = temporaryFolder("memory");
    const include = join(folder, "memory.conf");
    writeFileSync(include, "");
    const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
    await using all = await startInstallation({
      redis: { settings: { include } },
      api: () => ({ env }),
    });
    const redis = new Redis(all.servers.redisUrl);
    const acknowledged: Acknowledged[] = [];
    const seen: Survived[] = [];
    const releasedMs: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      let productId = "";
      let fullAt = 0;
      const survived = await survive(
        all,
        {
          begin: async () => {
            productId = await shortHolds(all, acknowledged);
            await redis.config("SET", "maxmemory", FULL);
            fullAt = performance.now();
          },
          meanwhile: async () => {
            const read = {
              method: "GET",
              path: `/product/${productId}`,
              token: all.admin,
            } as const;
            await until(async () => inventoryOf(await all.caller.once(read)).reservedStock === 0, {
              withinMs: RELEASED_MS_MAX,
              what: "every hold has expired",
            });
            releasedMs.push(Math.round(performance.now() - fullAt));
          },
          end: async () => {
            await redis.config("SET", "maxmemory", "0");
          },
          expected,
          codes: ["redis_unavailable"],
          deadlineMs: DEADLINE_MS,
          lastsMsMin: OUTAGE_MS,
        },
        acknowledged,
      );
      seen.push(survived);
    }
    const recovered = spreadOf(seen.map(({ recoveredMs }) => recoveredMs));
    evidence(
      "Redis is out of memory: what ends a hold is done, every other change is refused",
      {
        times: seen.length,
        "refused with 503": seen.reduce((sum, { refused }) => sum + refused, 0),
        "unknown with 504": seen.reduce((sum, { unknown }) => sum + unknown, 0),
        "holds expired meanwhile": seen.length * HOLDS,
        "after at most (ms)": spreadOf(releasedMs).max,
        "served again (ms, max)": recovered.max,
      },
      { trials: seen.length },
    );

    // A restart does not make it smaller; it must not lock in what could be freed.
    const epochBefore = await redis.hget(metaKey(0), "epoch");
    await survive(
      all,
      {
        begin: async () => {
          writeFileSync(include, `maxmemory ${FULL}\n`);
          await all.redis.restart();
          await until(
            async () => {
              const epoch = await redis.hget(metaKey(0), "epoch");
              return epoch !== epochBefore;
            },
            { withinMs: RELEASED_MS_MAX, what: "an epoch began" },
          );
        },
        end: async () => {
          await redis.config("SET", "maxmemory", "0");
        },
        expected,
        codes: ["redis_unavailable"],
        deadlineMs: DEADLINE_MS,
        lastsMsMin: OUTAGE_MS,
      },
      acknowledged,
    );
    redis.disconnect();
  },
  TEST_MS_MAX,
);
