/** Servers whose settings are hidden, as those of managed ones are, or do not keep what is promised. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { z } from "zod";
import { readServerSettings } from "#redis/server-settings";
import { startPostgres, startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { launchService, startService } from "#test/service";

const TEST_MS_MAX = 60_000;
const HIDDEN = "this Redis does not show its settings (CONFIG GET)";

const server = await startRedis();
const admin = new Redis(server.url);
/** A user without the right; a command that was renamed is refused in other words. */
const url = new URL(server.url);
url.username = "managed";
url.password = "managed";

beforeAll(async () => {
  const rights = ["~*", "&*", "+@all", "-config"];
  await admin.call("ACL", "SETUSER", "managed", "on", ">managed", ...rights);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

describe("a Redis that does not show its settings", () => {
  test("is known for it, whichever way it refuses", async () => {
    const redis = new Redis(url.href);
    expect(await readServerSettings(redis)).toEqual({
      refusals: [],
      warnings: [expect.stringContaining(HIDDEN)],
      durabilityGaps: [expect.stringContaining(HIDDEN)],
      replicas: 0,
    });
    redis.disconnect();
    const folder = temporaryFolder("renamed");
    const include = join(folder, "renamed.conf");
    writeFileSync(include, 'rename-command CONFIG ""\n');
    await using renamed = await startRedis({ settings: { include } });
    const other = new Redis(renamed.url);
    expect((await readServerSettings(other)).warnings).toEqual([expect.stringContaining(HIDDEN)]);
    other.disconnect();
  });

  test("is refused all the same when it may evict", async () => {
    const redis = new Redis(url.href);
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    const { refusals } = await readServerSettings(redis);
    await admin.config("SET", "maxmemory-policy", "noeviction");
    redis.disconnect();
    expect(refusals).toEqual([expect.stringContaining("maxmemory-policy is allkeys-lru")]);
  });

  test(
    "is used with a warning where DURABILITY=memory promises no disk",
    async () => {
      await using database = await testDatabase();
      const env = { DURABILITY: "memory" };
      const urls = { redisUrl: url.href, databaseUrl: database.url };
      await using service = await startService({ ...urls, env });
      expect(service.output()).toContain(HIDDEN);
    },
    TEST_MS_MAX,
  );

  test(
    "is refused in production in one line where DURABILITY=disk promises it",
    async () => {
      await using database = await startPostgres();
      const env = { NODE_ENV: "production", HOST: "127.0.0.1" };
      const urls = { redisUrl: url.href, databaseUrl: database.url };
      await using service = launchService({ ...urls, env });
      expect(await service.exitCode()).toBe(1);
      const last = service.output().trim().split("\n").at(-1) ?? "";
      const { reason } = z.object({ reason: z.string() }).parse(JSON.parse(last));
      expect(reason).toStartWith("Redis does not keep what it answers: ");
      expect(reason).toContain(HIDDEN);
      expect(reason).toEndWith("(DURABILITY=disk)");
      expect(service.output()).not.toMatch(/^ +at /m);
    },
    TEST_MS_MAX,
  );
});

test.each([
  ["appendonly", "no", "yes"],
  ["appendfsync", "everysec", "always"],
  ["no-appendfsync-on-rewrite", "yes", "no"],
])("a Redis whose %s is %s does not keep what it answers", async (name, value, wanted) => {
  await using set = await startRedis({ settings: { [name]: value } });
  const asked = new Redis(set.url);
  const { durabilityGaps } = await readServerSettings(asked);
  asked.disconnect();
  expect(durabilityGaps).toEqual([`${name} is ${value}: set it to ${wanted}`]);
});

test(
  "a Redis that would run a part of a torn transaction is used, in production too, and warned about",
  async () => {
    await using database = await startPostgres();
    await using redis = await startRedis({ settings: { "aof-load-truncated": "yes" } });
    const urls = { redisUrl: redis.url, databaseUrl: database.url };
    const env = { NODE_ENV: "production", HOST: "127.0.0.1" };
    await using service = await startService({ ...urls, env });
    const lines = service.output().split("\n");
    const warned = lines.filter((line) => line.includes("aof-load-truncated is yes"));
    expect(warned).toEqual([expect.stringContaining('"level":"warn"')]);
    const asked = new Redis(redis.url);
    await asked.config("SET", "aof-load-truncated", "no");
    expect((await readServerSettings(asked)).warnings).toEqual([]);
    asked.disconnect();
  },
  TEST_MS_MAX,
);

test(
  "a PostgreSQL that may lose what it has answered is refused in production, and said elsewhere",
  async () => {
    await using database = await testDatabase();
    await using redis = await startRedis();
    const urls = { redisUrl: redis.url, databaseUrl: database.url };
    const why = "PostgreSQL may lose what it has answered: fsync is off: set it to on";
    await using refused = launchService({ ...urls, env: { NODE_ENV: "production" } });
    expect(await refused.exitCode()).toBe(1);
    expect(refused.output()).toContain(why);
    await using service = await startService(urls);
    expect(service.output()).toContain(why);
  },
  TEST_MS_MAX,
);
