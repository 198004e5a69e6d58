/** Requests that one customer, or one address, may make: over real sockets, with real servers. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";

const START_MS_MAX = 60_000;
const PER_CUSTOMER = 4;
const PER_ADDRESS = 6;
/** Nothing comes back while a test runs. */
const SECONDS = 3_600;

const servers = new AsyncDisposableStack();
let redis: Redis;
let service: Service;
/** Another process on the same stores. */
let second: Service;
const tokens = {
  carol: await tokenOf("customer", "carol"),
  bob: await tokenOf("customer", "bob"),
  orders: await tokenOf("service", "orders"),
  ada: await tokenOf("admin", "ada"),
};
type Who = keyof typeof tokens;

beforeAll(async () => {
  const server = servers.use(await startRedis());
  const database = servers.use(await testDatabase());
  redis = new Redis(server.url);
  servers.defer(() => redis.disconnect());
  const env = {
    RATE_PER_CUSTOMER: `${PER_CUSTOMER}/${SECONDS}s`,
    RATE_PER_ADDRESS: `${PER_ADDRESS}/${SECONDS}s`,
    TRUSTED_PROXIES: "127.0.0.1, ::1",
  };
  const urls = { redisUrl: server.url, databaseUrl: database.url };
  service = servers.use(await startService({ role: "api", ...urls, env }));
  second = servers.use(await startService({ role: "api", ...urls, env }));
  const stock = { productId: "p1", sku: "P1", initialStock: 1_000 };
  const made = await send("ada", "POST", "/api/inventory/initialize", stock);
  expect(made.status).toBe(201);
}, START_MS_MAX);
afterEach(async () => {
  const keys = await redis.keys("{p0}:rate:*");
  if (keys.length > 0) await redis.del(...keys);
});
afterAll(() => servers.disposeAsync());

/** From an address, through a proxy that is believed. */
async function send(
  who: Who | null,
  method: string,
  path: string,
  body?: object,
  from = "198.51.100.1",
  to = service,
): Promise<Response> {
  const response = await fetch(`${to.url}${path}`, {
    method,
    headers: {
      "x-forwarded-for": from,
      ...(who === null ? {} : { authorization: `Bearer ${tokens[who]}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await response.text();
  return response;
}

let orders = 0;
const reserve = (who: Who, from?: string, to?: Service): Promise<Response> => {
  const body = { quantity: 1, orderId: `order-${(orders += 1)}` };
  return send(who, "POST", "/api/inventory/product/p1/reserve", body, from, to);
};
const reserved = async (): Promise<number> =>
  Object.entries(await redis.hgetall("{p0}:stock:p1"))
    .filter(([field]) => field.startsWith("reserved:"))
    .reduce((sum, [, units]) => sum + Number(units), 0);

/** Statuses of so many calls, one after the other. */
async function statuses(count: number, call: () => Promise<Response>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i += 1) all.push((await call()).status);
  return all;
}
const times = (status: number, count: number): number[] =>
  Array.from({ length: count }, () => status);

test("the log of a start says what is limited", () => {
  const said = `of requests: ${PER_CUSTOMER} in ${SECONDS} s for each customer, ${PER_ADDRESS} in ${SECONDS} s for each address`;
  expect(service.output()).toContain(said);
});

describe("a customer's requests", () => {
  test("are answered up to the quota, and then refused with 429 and no effect", async () => {
    const before = await reserved();
    const first = await reserve("carol");
    expect(first.status).toBe(201);
    expect(first.headers.get("ratelimit-policy")).toBe(
      `"customer";q=${PER_CUSTOMER};w=${SECONDS}, "address";q=${PER_ADDRESS};w=${SECONDS}`,
    );
    expect(first.headers.get("ratelimit")).toMatch(
      new RegExp(`^"customer";r=${PER_CUSTOMER - 1};t=900, "address";r=${PER_ADDRESS - 1};t=600$`),
    );
    expect(first.headers.get("retry-after")).toBeNull();
    expect(await statuses(PER_CUSTOMER - 1, () => reserve("carol"))).toEqual(
      times(201, PER_CUSTOMER - 1),
    );
    const refused = await reserve("carol");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(SECONDS / PER_CUSTOMER - 60);
    expect(refused.headers.get("ratelimit")).toMatch(/^"customer";r=0;t=3600, /);
    expect(await reserved()).toBe(before + PER_CUSTOMER);
    // Others have their own.
    expect((await reserve("bob")).status).toBe(201);
  });

  test("of all kinds count, once each, whatever they are answered", async () => {
    const calls = [
      () => send("carol", "GET", "/api/inventory/product/p1"),
      () => send("carol", "POST", "/api/inventory/product/unknown/reserve", {}),
      () => send("carol", "GET", "/api/inventory/reservations"),
      () => send("carol", "POST", "/api/inventory/check-availability", { items: [] }),
    ];
    const left: (string | undefined)[] = [];
    for (const call of calls) {
      left.push(/"customer";r=(\d)/.exec((await call()).headers.get("ratelimit") ?? "")?.[1]);
    }
    expect(left).toEqual(["3", "2", "1", "0"]);
    const answers: number[] = [];
    for (const call of calls) {
      const answer = await call();
      answers.push(answer.status);
      // Of the product that was read meanwhile nothing is told.
      expect(answer.headers.get("etag")).toBeNull();
    }
    expect(answers).toEqual(times(429, calls.length));
  });

  test("are counted for all processes together, many at once too", async () => {
    const both = [service, second];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => reserve("carol", undefined, both[i % both.length])),
    );
    const good = answers.filter(({ status }) => status === 201);
    expect(good).toHaveLength(PER_CUSTOMER);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20 - PER_CUSTOMER);
  });
});

describe("an address's requests", () => {
  test("are those of all its customers, and of who shows no token", async () => {
    expect((await reserve("carol")).status).toBe(201);
    expect((await reserve("bob")).status).toBe(201);
    const read = () => send(null, "GET", "/api/inventory/product/p1");
    expect(await statuses(PER_ADDRESS - 2, read)).toEqual(times(200, PER_ADDRESS - 2));
    expect((await read()).status).toBe(429);
    expect((await reserve("bob")).status).toBe(429);
    // Another address, by the word of a proxy that is believed.
    expect((await reserve("bob", "198.51.100.2")).status).toBe(201);
    expect((await reserve("bob", "6.6.6.6, 198.51.100.1")).status).toBe(429);
  });

  test("with tokens that nobody issued are counted too", async () => {
    const guess = () =>
      fetch(`${service.url}/api/inventory/reservations`, {
        headers: { authorization: "Bearer nonsense", "x-forwarded-for": "198.51.100.1" },
      });
    expect(await statuses(PER_ADDRESS, guess)).toEqual(times(401, PER_ADDRESS));
    expect((await guess()).status).toBe(429);
    // Also where a command would have taken its share along.
    const change = () =>
      fetch(`${service.url}/api/inventory/product/p1/reserve`, {
        method: "POST",
        headers: { authorization: "Bearer nonsense", "x-forwarded-for": "198.51.100.1" },
      });
    expect((await change()).status).toBe(429);
  });

  test("that their token does not allow are counted too", async () => {
    const spy = () => send("carol", "GET", "/api/inventory/low-stock");
    expect(await statuses(PER_CUSTOMER, spy)).toEqual(times(403, PER_CUSTOMER));
    expect((await spy()).status).toBe(429);
  });

  test("over IPv6 are those of its first 64 bits", async () => {
    let host = 0;
    const read = () =>
      send(null, "GET", "/api/inventory/product/p1", undefined, `2001:db8::${(host += 1)}`);
    expect(await statuses(PER_ADDRESS, read)).toEqual(times(200, PER_ADDRESS));
    expect((await read()).status).toBe(429);
  });
});

test("the shop's own services and admins are not counted, with or without need of their token", async () => {
  for (const who of ["orders", "ada"] as const) {
    const paths = ["/api/inventory/product/p1", "/api/inventory/low-stock"];
    for (const path of paths) {
      const answers = await statuses(PER_ADDRESS + 2, () => send(who, "GET", path));
      expect(answers).toEqual(times(200, PER_ADDRESS + 2));
    }
  }
  expect(await redis.keys("{p0}:rate:*")).toEqual([]);
});

test("health, readiness and metrics are never refused", async () => {
  for (const path of ["/health", "/health/live", "/health/ready"]) {
    const answers = await statuses(PER_ADDRESS + 2, () => send(null, "GET", path));
    expect(answers).toEqual(times(200, PER_ADDRESS + 2));
  }
  const scrapes = await statuses(PER_ADDRESS + 2, () => fetch(`${service.url}/metrics`));
  expect(scrapes).toEqual(times(200, PER_ADDRESS + 2));
});
