/** A server that is there and does not take what it is given: named at once, not waited for. */
import { afterAll, expect, test } from "bun:test";
import { startRedis, testDatabase } from "#test/servers";
import { runMain } from "#test/service";

/** Well below the 30 s that a start waits for a server that is away. */
const AT_ONCE_MS = 15_000;
const TEST_MS_MAX = 60_000;

const redis = await startRedis();
const database = await testDatabase();
afterAll(async () => {
  await database.drop();
  await redis.stop();
});

function changed(url: string, change: (parts: URL) => void): string {
  const parts = new URL(url);
  change(parts);
  return parts.href;
}

const wrong: [what: string, env: Record<string, string>, said: RegExp][] = [
  [
    "Redis's password",
    { REDIS_URL: changed(redis.url, (url) => (url.password = "wrong")) },
    /^Redis at 127\.0\.0\.1:\d+ does not take REDIS_URL: WRONGPASS/m,
  ],
  [
    "Redis's password that is missing",
    { REDIS_URL: changed(redis.url, (url) => (url.password = url.username = "")) },
    /^Redis at 127\.0\.0\.1:\d+ does not take REDIS_URL: NOAUTH/m,
  ],
  [
    "Redis's database",
    { REDIS_URL: changed(redis.url, (url) => (url.pathname = "/999")) },
    /^Redis at 127\.0\.0\.1:\d+ does not take REDIS_URL: ERR DB index/m,
  ],
  [
    "PostgreSQL's password",
    { DATABASE_URL: changed(database.url, (url) => (url.password = "wrong")) },
    /^PostgreSQL at 127\.0\.0\.1:\d+ does not take DATABASE_URL: 28P01 password authentication/m,
  ],
  [
    "PostgreSQL's database",
    { DATABASE_URL: changed(database.url, (url) => (url.pathname = "/nowhere")) },
    /^PostgreSQL at 127\.0\.0\.1:\d+ does not take DATABASE_URL: 3D000 .*"nowhere"/m,
  ],
];

test.each(wrong)(
  "%s: the start ends at once, and says which server refused what",
  async (_, env, said) => {
    const startedAt = performance.now();
    const given = { REDIS_URL: redis.url, DATABASE_URL: database.url, PORT: "0", ...env };
    const { code, output } = await runMain(["start"], given);
    expect(output).toMatch(said);
    expect(output).not.toContain("wrong@");
    expect(output).not.toMatch(/^ +at /m);
    expect(output).not.toContain("waiting for");
    expect(code).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
  },
  TEST_MS_MAX,
);
