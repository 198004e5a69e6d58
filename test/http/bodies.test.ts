/** Bodies over a real socket: slow ones, endless ones, and those that their sender gives up. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { until } from "#test/until";

const DEADLINE_MS = 400;
/** Far above the deadline, far below the 10 s after which Bun closes a silent connection. */
const ANSWERED_MS_MAX = 3_000;
const PIECE_EVERY_MS = 50;
const KIBIBYTE = 1024;
const START_MS_MAX = 60_000;

const servers = new AsyncDisposableStack();
let service: Service;
const token = await tokenOf("customer", "carol");

beforeAll(async () => {
  const redis = servers.use(await startRedis());
  const database = servers.use(await testDatabase());
  const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
  const urls = { redisUrl: redis.url, databaseUrl: database.url };
  service = servers.use(await startService({ role: "api", ...urls, env }));
}, START_MS_MAX);
afterAll(() => servers.disposeAsync());

const RESERVE = "/api/inventory/product/p1/reserve";
const CHECK = "/api/inventory/check-availability";
const ROUTES = [
  ["a public route", CHECK, []],
  ["a route with a token", RESERVE, [`Authorization: Bearer ${token}`]],
  ["an Idempotency-Key", RESERVE, [`Authorization: Bearer ${token}`, "Idempotency-Key: k1"]],
] as const;
const DECLARED = "Content-Length: 1000";
const CHUNKED = "Transfer-Encoding: chunked";

interface Conversation {
  /** What came back until now. */
  readonly received: () => string;
  readonly isClosed: () => boolean;
  readonly end: () => void;
}

/** Asked before a request in the same write: when it is answered, that request is there too. */
const HEALTH = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Sends a head, and then one piece after the other until the connection ends. */
function converse(
  path: string,
  fields: readonly string[],
  piece: string,
  before = "",
): Conversation {
  const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
  let received = "";
  socket.on("data", (bytes) => (received += bytes.toString()));
  socket.on("error", () => undefined);
  const head = [`POST ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json"];
  socket.write(`${before}${[...head, ...fields].join("\r\n")}\r\n\r\n${piece}`);
  const timer = setInterval(() => socket.write(piece), PIECE_EVERY_MS);
  socket.on("close", () => clearInterval(timer));
  return {
    received: () => received,
    isClosed: () => socket.closed,
    end: () => void socket.destroy(),
  };
}

const answered = (talk: Conversation): Promise<unknown> =>
  until(() => talk.received().includes('"code"'), {
    withinMs: ANSWERED_MS_MAX,
    what: "there is an answer",
  });

/** The problem that stands in an answer as it came over the wire. */
const problemOf = (received: string): unknown =>
  JSON.parse(received.slice(received.indexOf("\r\n\r\n") + 4));

describe.each(ROUTES)("to %s", (_, path, fields) => {
  test.each([
    [DECLARED, "x"],
    [CHUNKED, "1\r\nx\r\n"],
  ])("a body that comes byte by byte ends with its request's deadline (%s)", async (way, piece) => {
    const startedAt = performance.now();
    const talk = converse(path, [...fields, way], piece);
    await answered(talk);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(DEADLINE_MS);
    expect(talk.received()).toStartWith("HTTP/1.1 400 ");
    expect(problemOf(talk.received())).toMatchObject({
      code: "malformed_json",
      message: "the body did not arrive in time",
      requestId: expect.any(String),
    });
    await until(talk.isClosed, { withinMs: ANSWERED_MS_MAX, what: "the connection is closed" });
  });

  test.each([
    ["of 1 MiB, declared", `Content-Length: ${KIBIBYTE * KIBIBYTE}`, "x".repeat(16 * KIBIBYTE)],
    ["without an end", CHUNKED, `40000\r\n${"x".repeat(256 * KIBIBYTE)}\r\n`],
  ])("a body %s is refused in our words", async (_name, way, piece) => {
    const talk = converse(path, [...fields, way], piece);
    await answered(talk);
    talk.end();
    expect(talk.received()).toStartWith("HTTP/1.1 413 ");
    expect(talk.received()).toMatch(/^content-type: application\/problem\+json\r$/im);
    expect(problemOf(talk.received())).toMatchObject({ code: "body_too_large" });
  });
});

test("a body whose sender goes away in the middle is nobody's bug", async () => {
  const refusals = async (): Promise<number> => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const line = /^holdfast_http_requests_total\{.*check-availability",status="400"\} (\d+)$/m;
    return Number(line.exec(text)?.[1] ?? 0);
  };
  const before = await refusals();
  const talk = converse(CHECK, [DECLARED], "x", HEALTH);
  const within = { withinMs: ANSWERED_MS_MAX, what: "the request is there" };
  await until(() => talk.received().includes("healthy"), within);
  talk.end();
  await until(async () => (await refusals()) > before, { ...within, what: "it is counted" });
  expect(service.output()).not.toContain("a request met a bug");
  expect(service.hasExited()).toBe(false);
});
