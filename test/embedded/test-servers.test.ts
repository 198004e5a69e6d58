import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { Redis } from "ioredis";
import postgres from "postgres";
import { pingPostgres } from "#embedded/postgres";
import { pingRedis } from "#embedded/redis-ping";
import { createDatabase, startPostgres, startRedis, testDatabase } from "#test/servers";

const TEST_MS_MAX = 20_000;

test("what Redis acknowledged is there after a crash, at the same address", async () => {
  const server = await startRedis();
  const redis = new Redis(server.url);
  await redis.set("acknowledged", "yes");
  redis.disconnect();
  const before = server.pid;
  await server.kill();
  expect(await pingRedis(server.url)).toBe("away");
  await server.restart();
  expect(server.pid).not.toBe(before);
  const again = new Redis(server.url);
  expect(await again.get("acknowledged")).toBe("yes");
  again.disconnect();
  await server.kill();
  await server.stop();
  expect(existsSync(server.folder)).toBe(false);
});

test("a paused Redis accepts connections and answers nothing until it is resumed", async () => {
  await using server = await startRedis();
  server.pause();
  expect(await pingRedis(server.url)).toBe("busy");
  server.resume();
  expect(await pingRedis(server.url)).toBe("ready");
});

test("settings reach Redis", async () => {
  await using server = await startRedis({ settings: { "maxmemory-policy": "allkeys-lru" } });
  const redis = new Redis(server.url);
  expect(await redis.config("GET", "maxmemory-policy")).toEqual([
    "maxmemory-policy",
    "allkeys-lru",
  ]);
  redis.disconnect();
});

test("a cluster of one node takes keys of every slot", async () => {
  await using server = await startRedis({ cluster: true });
  const redis = new Redis(server.url);
  for (const key of ["{p0}meta", "{p1}meta", "sku:a"]) expect(await redis.set(key, "1")).toBe("OK");
  redis.disconnect();
});

test(
  "what PostgreSQL committed is there after a crash, at the same address",
  async () => {
    await using server = await startPostgres();
    const sql = postgres(server.url, { max: 1 });
    await sql`CREATE TABLE committed AS SELECT 1 AS one`;
    await sql.end();
    await server.kill();
    expect(await pingPostgres(server.url)).toBe("away");
    await server.restart();
    const again = postgres(server.url, { max: 1 });
    expect([...(await again`SELECT one FROM committed`)]).toEqual([{ one: 1 }]);
    await again.end();
    await server.restart();
    expect(await pingPostgres(server.url)).toBe("ready");
  },
  TEST_MS_MAX,
);

test(
  "databases of a run are private, and a drop cuts whoever is connected",
  async () => {
    await using one = await testDatabase();
    const two = await createDatabase(one);
    const sql = postgres(two.url, { max: 1 });
    await sql`CREATE TABLE mine ()`;
    const other = postgres(one.url, { max: 1 });
    const [found] = await other`SELECT to_regclass('mine') AS mine`;
    expect(found).toEqual({ mine: null });
    await other.end();
    await two.drop();
    await sql.end();
    expect(await pingPostgres(two.url)).toBe("away");
  },
  TEST_MS_MAX,
);
