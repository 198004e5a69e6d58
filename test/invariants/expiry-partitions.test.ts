/** Expiry by the worker where there are several partitions: none of them is left out. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { Stores } from "#compose/stores";
import { processClock } from "#lib/clock";
import { audit, type Acknowledged } from "#test/audit";
import { keysLike } from "#test/keyspace";
import { startRedis, testDatabase, type TestServer } from "#test/servers";
import { startService, type Service } from "#test/service";
import { endsOf, makeHolds, makeProduct, wrongEnds, type End, type Held } from "#test/short-holds";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const PARTITIONS = 3;
const env = { PARTITIONS: String(PARTITIONS) };
/** In each partition. */
const HOLDS = 5;
const RELEASED_MS_MAX = 1_000;
const SWEEP_MS = 5_000;
const TEST_MS_MAX = 60_000;

let redis: TestServer;
let database: Awaited<ReturnType<typeof testDatabase>>;
let worker: Service;
let stores: Stores & AsyncDisposable;
/** One of each partition. */
let productIds: string[];
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  [redis, database] = await Promise.all([startRedis(), testDatabase()]);
  const urls = { redisUrl: redis.url, databaseUrl: database.url };
  worker = await startService({ ...urls, env, role: "worker" });
  stores = await openStoresOf(redis.url, database.url, env);
  const names = Array.from({ length: 100 }, (_, i) => `product-${i}`);
  const ofPartitions = Map.groupBy(names, stores.store.partitionOf);
  productIds = [...ofPartitions.values()].flatMap(([first = ""]) => [first]);
  expect(productIds).toHaveLength(PARTITIONS);
  for (const productId of productIds) await makeProduct(stores, productId, 1_000, acknowledged);
}, TEST_MS_MAX);
afterAll(async () => {
  await stores[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  await redis.stop();
  await database.drop();
});

/** Holds of every partition. Those of the last try are due in the same second. */
async function holdEverywhere(seconds: number): Promise<Held[]> {
  const holds: Held[] = [];
  await until(
    async () => {
      const made = productIds.map((productId) =>
        makeHolds(stores, { productId, count: HOLDS, seconds }, acknowledged),
      );
      const last = (await Promise.all(made)).flat();
      holds.push(...last);
      return new Set(last.map(({ expiresAt }) => expiresAt)).size === 1;
    },
    { withinMs: 5_000, what: "no second ends while they are made" },
  );
  return holds;
}

const dueOf = (holds: readonly Held[]) => Math.max(...holds.map(({ expiresAt }) => expiresAt));

/** How they ended, each once and none of them sold; waits until all have. */
async function released(holds: readonly Held[], byMs: number): Promise<End[]> {
  const ids = new Set<string>(holds.map(({ reservationId }) => reservationId));
  const ends = await until(
    async () => {
      const all = await Promise.all(productIds.map((productId) => endsOf(stores, productId)));
      const theirs = all.flat().filter(({ id }) => ids.has(id));
      return theirs.length >= holds.length && theirs;
    },
    { withinMs: byMs - processClock.now(), what: "every partition has released what was due" },
  );
  const urls = { redisUrl: redis.url, databaseUrl: database.url };
  await audit({ ...urls, partitions: PARTITIONS, acknowledged });
  expect(wrongEnds(holds, ends)).toEqual([]);
  expect(ends.map(({ type }) => type)).toEqual(holds.map(() => "EXPIRE"));
  expect(worker.hasExited()).toBe(false);
  return ends;
}

test(
  "holds of all partitions that are due in the same second are released within the next one",
  async () => {
    // Two seconds apart: a sweep may come right behind one of them, and not behind both.
    const holds = [...(await holdEverywhere(2)), ...(await holdEverywhere(4))];
    const ends = await released(holds, dueOf(holds) + 2 * SWEEP_MS);
    const delays = ends.map(({ at, due }) => at - due);
    expect(Math.max(...delays)).toBeLessThan(RELEASED_MS_MAX);
  },
  TEST_MS_MAX,
);

test(
  "a sweep releases what is due in every partition when all wake-ups are lost",
  async () => {
    const holds = await holdEverywhere(3);
    const client = new Redis(redis.url);
    const keys = await until(
      async () => {
        const found = await keysLike(client, "{bull}:");
        const isAsked = (_: string, number: number) =>
          found.some((key) => key.includes(`:expire-${number}-`));
        return productIds.every(isAsked) && found;
      },
      { withinMs: 1_000, what: "a wake-up was asked for each partition" },
    );
    await client.del(...keys);
    client.disconnect();
    await released(holds, dueOf(holds) + SWEEP_MS + RELEASED_MS_MAX);
  },
  TEST_MS_MAX,
);
