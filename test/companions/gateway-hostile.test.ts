/** What callers send to a gateway to get past it, or to have something done twice. */
import { connect } from "node:net";
import { afterAll, describe, expect, test } from "bun:test";
import { createGatewayApp } from "#companions/gateway/app";
import { createForward } from "#companions/gateway/forward";
import type { Place } from "#companions/gateway/instances";
import { SERVICES, type ServiceKey } from "#companions/gateway/services";
import { createLog } from "#lib/log";

interface Seen {
  readonly by: ServiceKey;
  readonly path: string;
  readonly headers: Headers;
}
const seen: Seen[] = [];
const KEYS: readonly ServiceKey[] = ["users", "products", "orders", "payment", "inventory"];
const behind = KEYS.map((by) => {
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      seen.push({ by, path: new URL(request.url).pathname, headers: request.headers });
      return new Response("done");
    },
  });
  return { by, server, url: server.url.origin };
});
const placeOf = (url: string): Place => ({ instanceId: url, url, status: "UP", renewedAt: null });
const app = createGatewayApp({
  instances: {
    serving: (key) => behind.filter(({ by }) => by === key).map(({ url }) => placeOf(url)),
    known: () => null,
    isHeard: () => null,
    stop: () => Promise.resolve(),
  },
  demand: () => Promise.resolve({ subject: "somebody", role: "customer" }),
  version: "1",
  log: createLog({ level: "error", format: "json" }),
  addressOf: () => "10.0.0.9",
  registries: [],
  docsPublic: false,
});
const gateway = Bun.serve({ port: 0, fetch: (request, server) => app.fetch(request, { server }) });
afterAll(async () => {
  await gateway.stop(true);
  for (const { server } of behind) await server.stop(true);
});

/** As it stands there: no client of ours would send most of it. Answers the status. */
function send(path: string, headers: readonly string[] = [], method = "POST"): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  seen.length = 0;
  let answer = "";
  const lines = [`${method} ${path} HTTP/1.1`, "host: shop.test", "content-length: 2", ...headers];
  const socket = connect(Number(gateway.port), "127.0.0.1", () =>
    socket.write(`${[...lines, "connection: close"].join("\r\n")}\r\n\r\n{}`),
  );
  socket.on("data", (bytes) => {
    answer += String(bytes);
  });
  socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])));
  socket.on("error", reject);
  return promise;
}

describe("no path leads to /internal/payments, nor to another service than the one that is asked:", () => {
  test.each([
    "/internal/payments",
    "//internal/payments",
    "/api/../internal/payments",
    "/api/orders/../../internal/payments",
    "/api/orders/%2e%2e/%2e%2e/internal/payments",
    "/api/orders/.%2e/%2E./internal/payments",
    "/api/orders/..\\..\\internal/payments",
    "/api/orders/..%2f..%2finternal/payments",
    "/api/orders/%2e%2e%2f%2e%2e%2finternal%2fpayments",
    "/api/orders/%252e%252e/%252e%252e/internal/payments",
    "/api/orders/%5c..%5c..%5cinternal/payments",
    "/api/orders/..;/..;/internal/payments",
    "/api/orders//../../internal/payments",
    "/api/orders#/../../internal/payments",
    "/api/orders@orders/../../internal/payments",
    "/api%2forders/1",
    "/api/orders.internal/payments",
    "/api/products/../../internal/payments",
    "/api/products/..%2forders%2f1",
    "http://orders/internal/payments",
    "http://orders/api/orders/../../internal/payments",
    "//orders/internal/payments",
    "/health/ready/../../internal/payments",
    "/eureka/apps",
    "/.well-known/jwks.json",
  ])("%s", async (path) => {
    const status = await send(path);
    for (const one of seen) {
      const { paths } = SERVICES[one.by];
      expect(paths.some((begin) => one.path === begin || one.path.startsWith(`${begin}/`))).toBe(
        true,
      );
    }
    expect(seen.filter(({ by }) => path.includes("products") && by !== "products")).toEqual([]);
    if (seen.length === 0) expect([400, 404]).toContain(status);
  });

  test.each(["a b", "a/b", "x".repeat(9_000), "host", "@"])(
    "a header of a connection named %p changes nothing",
    async (name) => {
      expect(await send("/api/products", [`connection: ${name}`])).toBe(200);
      expect(seen).toHaveLength(1);
    },
  );
});

test("what proxies say of a caller the gateway says alone, however a caller words it", async () => {
  await send("/api/products", [
    "x-forwarded-for: 1.2.3.4",
    "X-Forwarded-For: 1.2.3.5",
    "x-forwarded-user: admin",
    "x-forwarded-port: 1",
    "x-forwarded-prefix: /internal",
    "x-real-ip: 1.2.3.4",
    "forwarded: for=1.2.3.4",
    "connection: x-forwarded-for, x-request-id",
  ]);
  const told = [...(seen[0]?.headers ?? [])].filter(([name]) => /forwarded|real-ip/.test(name));
  expect(Object.fromEntries(told)).toEqual({
    "x-forwarded-for": "10.0.0.9",
    "x-forwarded-host": "shop.test",
    "x-forwarded-proto": "http",
  });
  expect(seen[0]?.headers.get("x-request-id")).toMatch(/^\w{16}$/);
});

const service = { ...SERVICES.inventory, key: "inventory" as const };
const sent = (request: Request, places: readonly Place[], ms = {}) =>
  createForward({ instances: { serving: () => places }, ...ms })({
    request,
    service,
    requestId: "r1",
    address: "10.0.0.9",
  });

test("a change whose key is taken off on the way is not sent twice", async () => {
  let calls = 0;
  await using ill = Bun.serve({
    port: 0,
    fetch: () => new Response(`${(calls += 1)}`, { status: 503 }),
  });
  const headers = {
    "idempotency-key": "k1",
    "content-length": "2",
    connection: "close, Idempotency-Key",
  };
  const url = "http://shop.test/api/inventory/product/1/sell";
  const answer = await sent(new Request(url, { method: "POST", body: "{}", headers }), [
    placeOf(ill.url.origin),
  ]);
  expect([answer.status, calls]).toEqual([503, 1]);
});

test("all tries of a read together end before the caller's connection does", async () => {
  const never = Promise.withResolvers<Response>();
  let calls = 0;
  await using silent = Bun.serve({
    port: 0,
    fetch: () => {
      calls += 1;
      return never.promise;
    },
  });
  const startedAt = performance.now();
  const read = new Request("http://shop.test/api/inventory/product/1");
  const ms = { headMsMax: 300, requestMsMax: 500 };
  await expect(sent(read, [placeOf(silent.url.origin)], ms)).rejects.toMatchObject({ status: 504 });
  expect(performance.now() - startedAt).toBeLessThan(1_200);
  expect(calls).toBeLessThan(4);
  never.resolve(new Response("late"));
});
