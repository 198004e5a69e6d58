/** A store composed as the service composes it, as one more process of the same installation. */
import { openStores, type Stores } from "#compose/stores";
import { readConfig } from "#config";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { until } from "#test/until";

const OPEN_MS_MAX = 10_000;
const silent = createLog({ level: "error", format: "json", write: () => undefined });

/** On a migrated store; its wake-ups are asked of BullMQ as those of the API are. */
export async function openStoresOf(
  redisUrl: string,
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Stores & AsyncDisposable> {
  const stores = await openStores({
    redisUrl,
    databaseUrl,
    config: readConfig({ ...env, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl }),
    metrics: createMetrics(),
    log: silent,
  });
  await untilOpen(stores);
  return { ...stores, [Symbol.asyncDispose]: () => stores.close() };
}

/** Also of one that was opened before its Redis ended and came back. */
export async function untilOpen({ redis, partitions }: Stores): Promise<void> {
  const isOpen = () =>
    redis.status === "ready" && partitions.every(({ state }) => state === "open");
  await until(isOpen, { withinMs: OPEN_MS_MAX, what: "every partition is open" });
}
