/** What every service of the shop has alike: who calls, jobs that fail for long, callers that go away. */
import { connect } from "node:net";
import { describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { schemaOf } from "#compose/companion-parts";
import { createShell } from "#companions/shell/app";
import { createDemand } from "#companions/shell/caller";
import { startRelay } from "#companions/shell/relay";
import { KeyRing } from "#companions/users/keys";
import { USERS_MIGRATIONS } from "#companions/users/migrations";
import { createLog } from "#lib/log";
import { startRedis, testDatabase } from "#test/servers";
import { until } from "#test/until";

const log = createLog({ level: "error", format: "json" });
const shellOf = (lines: string[] = []) =>
  createShell({
    name: "A service",
    version: "1",
    log: { ...log, error: (message) => void lines.push(message) },
    isReady: () => Promise.resolve(null),
    isAway: () => false,
  });

describe("while the users service cannot tell its keys nobody's token is called wrong:", () => {
  const away: readonly (readonly [what: string, answer: () => Response])[] = [
    ["it is ill", () => Response.json({ message: "away" }, { status: 503 })],
    ["its answer is no JSON", () => new Response("<html>")],
    ["its answer has no keys", () => Response.json({})],
  ];
  test.each(away)("%s", async (_what, answer) => {
    await using database = await testDatabase();
    const urls = { redisUrl: "", databaseUrl: database.url };
    const sql = await schemaOf("users", urls, USERS_MIGRATIONS);
    const keys = new KeyRing({ sql, tokenSeconds: 60, now: Date.now });
    const token = await keys.sign({ role: "admin" }, "alice");
    const published = await keys.published();
    await sql.end({ timeout: 5 });
    let isWell = false;
    await using users = Bun.serve({
      port: 0,
      fetch: () => (isWell ? Response.json(published) : answer()),
    });
    const shell = shellOf();
    const demand = createDemand({ jwksUrl: `${users.url.origin}/jwks`, isOpen: false });
    shell.get("/", async (c) => c.json(await demand(c, ["admin"])));
    const statusOf = async (bearer: string) =>
      (await shell.request("/", { headers: { authorization: `Bearer ${bearer}` } })).status;
    expect(await statusOf(token)).toBe(503);
    isWell = true;
    expect(await statusOf(token)).toBe(200);
    expect(await statusOf(`${token}x`)).toBe(401);
  });
});

test("keys are looked at again where the clock was set back", async () => {
  await using database = await testDatabase();
  const sql = await schemaOf(
    "users",
    { redisUrl: "", databaseUrl: database.url },
    USERS_MIGRATIONS,
  );
  let at = Date.now();
  const ring = new KeyRing({ sql, tokenSeconds: 60, now: () => at });
  const other = new KeyRing({ sql, tokenSeconds: 60, now: Date.now });
  expect((await ring.published()).keys).toHaveLength(1);
  await other.rotate();
  at -= 86_400_000;
  expect((await ring.published()).keys).toHaveLength(2);
  await sql.end({ timeout: 5 });
});

test("a job that fails for long is no more in Redis than one that failed once", async () => {
  const server = await startRedis();
  const [queueRedis, workerRedis, looking] = Array.from(
    { length: 3 },
    () => new Redis(server.url, { maxRetriesPerRequest: null }),
  );
  if (!queueRedis || !workerRedis || !looking) throw new Error("there are three");
  let tries = 0;
  const relay = startRelay({
    service: "failing",
    queue: "jobs",
    queueRedis,
    workerRedis,
    log,
    waiting: () => Promise.resolve(["row-1"]),
    work: () => Promise.reject(new Error("still away")),
    failed() {
      tries += 1;
      return Promise.resolve();
    },
  });
  const kept = async (): Promise<unknown[]> =>
    JSON.parse((await looking.hget("{failing}:jobs:row-1", "stacktrace")) ?? "[]");
  await until(() => tries >= 3, { withinMs: 20_000, what: "it failed three times" });
  await until(async () => (await kept()).length > 0, { withinMs: 5_000, what: "why is kept" });
  expect(await kept()).toHaveLength(1);
  await relay.close();
  for (const redis of [queueRedis, workerRedis, looking]) redis.disconnect();
  await server.stop();
});

test("a caller that goes away in the middle of its body is no failure of ours", async () => {
  const lines: string[] = [];
  const shell = shellOf(lines);
  const heard = Promise.withResolvers<void>();
  let isOver = false;
  shell.post("/", async (c) => {
    heard.resolve();
    const body = await c.req.raw.arrayBuffer().finally(() => {
      isOver = true;
    });
    return c.json({ bytes: body.byteLength });
  });
  await using server = Bun.serve({ port: 0, fetch: (request) => shell.fetch(request) });
  const head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{";
  const socket = connect(Number(server.port), "127.0.0.1", () => socket.write(head));
  await heard.promise;
  socket.destroy();
  await until(() => isOver, { withinMs: 5_000, what: "it is noticed" });
  // Whatever is said of it was said by the time in which another is answered.
  const next = { method: "POST", body: "{}" };
  expect((await fetch(server.url, next)).status).toBe(200);
  expect(lines).toEqual([]);
});
