/** The gateway before several instances of each service, some of which die. */
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { createForward } from "#companions/gateway/forward";
import { SERVICES } from "#companions/gateway/services";
import type { Place } from "#companions/gateway/instances";
import { ADMIN, ask, JOHN, openShop } from "#test/shop";
import { startService } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const shop = await openShop({ registry: true });
const products = await shop.start("products");
const gateway = await shop.start("gateway");
const admin = await shop.tokenOf(ADMIN);
const john = await shop.tokenOf(JOHN);
afterAll(() => shop[Symbol.asyncDispose]());

const Known = z.object({
  isHeard: z.boolean().nullable(),
  services: z.array(z.object({ name: z.string(), instances: z.array(z.looseObject({})) })),
});
const known = async () => Known.parse((await ask(gateway, "GET", "/registry/instances")).body);
const counts = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await known()).services.map(({ name, instances }) => [name, instances.length]),
  );
const see = (wanted: Record<string, number>) =>
  until(async () => Bun.deepMatch(wanted, await counts()), {
    withinMs: 15_000,
    what: `the gateway knows ${JSON.stringify(wanted)}`,
  });
await see({ "USER-SERVICE": 1, "PRODUCT-SERVICE": 1, "INVENTORY-SERVICE": 1 });

test("one door: sign in, make a product, read it and its stock, hold some of it", async () => {
  const login = await ask(gateway, "POST", "/api/auth/login", ADMIN);
  expect(login.status).toBe(200);
  const body = { name: "Gaming Mouse", price: 49.99, initialStock: 9 };
  const made = await ask(gateway, "POST", "/api/products", body, admin);
  expect(made.status).toBe(201);
  const { id } = z.looseObject({ id: z.number() }).parse(made.body);
  await until(
    async () => (await ask(gateway, "GET", `/api/inventory/product/${id}`)).status === 200,
    { withinMs: 10_000, what: "its item is there" },
  );
  const path = `/api/inventory/product/${id}/reserve`;
  const held = await ask(gateway, "POST", path, { orderId: "o1", quantity: 2 }, john);
  expect(held.status).toBe(201);
  const old = await ask(gateway, "GET", `/api/inventory/${id}`);
  expect(old.body).toMatchObject({ productId: id, quantity: 9, reserved: 2 });
  expect((await ask(gateway, "GET", "/nothing/here")).status).toBe(404);
});

test("the page of the registry shows each instance, and runs no script but its own", async () => {
  const page = await fetch(`${gateway.url}/registry`);
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const text = await page.text();
  expect(await (await fetch(gateway.url)).text()).toBe(text);
  const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path);
  expect(files).toEqual(["/registry/page.css", "/registry/page.js"]);
  for (const path of files) expect((await fetch(`${gateway.url}${path}`)).status).toBe(200);
  expect(await known()).toMatchObject({ isHeard: true });
});

test(
  "an instance that is killed under load costs no read, and no change is done twice",
  async () => {
    const servers = { redisUrl: shop.redisUrl, databaseUrl: shop.databaseUrl };
    const env = {
      EUREKA_URL: shop.registryUrl,
      JWKS_URL: `${shop.users.url}/.well-known/jwks.json`,
    };
    await using second = await startService({ ...servers, role: "api", env });
    await see({ "INVENTORY-SERVICE": 2 });
    const body = { productId: "rush", sku: "RUSH", initialStock: 100_000 };
    expect((await ask(gateway, "POST", "/api/inventory/initialize", body, admin)).status).toBe(201);
    const failed: number[] = [];
    const load = { isOver: false, reads: 0, units: 0, unsure: 0 };
    const read = async (): Promise<void> => {
      while (!load.isOver) {
        const { status } = await ask(gateway, "GET", "/api/inventory/product/rush");
        load.reads += 1;
        if (status !== 200) failed.push(status);
      }
    };
    const write = async (number: number): Promise<void> => {
      for (let i = 0; !load.isOver; i += 1) {
        const response = await fetch(`${gateway.url}/api/inventory/product/rush/stock`, {
          method: "PATCH",
          headers: {
            authorization: `Bearer ${admin}`,
            "content-type": "application/json",
            "idempotency-key": `${number}-${i}`,
          },
          body: JSON.stringify({ quantity: 1, type: "RESTOCK" }),
        });
        await response.body?.cancel();
        if (response.status === 200) load.units += 1;
        else load.unsure += 1;
      }
    };
    const callers = [
      ...Array.from({ length: 6 }, read),
      ...Array.from({ length: 4 }, (_, i) => write(i)),
    ];
    await until(() => load.reads > 200 && load.units > 50, {
      withinMs: 10_000,
      what: "there is load",
    });
    await second.kill();
    const { reads, units } = load;
    await until(() => load.reads > reads + 300 && load.units > units + 100, {
      withinMs: 20_000,
      what: "the load goes on",
    });
    load.isOver = true;
    await Promise.all(callers);
    expect(failed).toEqual([]);
    const { body: after } = await ask(gateway, "GET", "/api/inventory/product/rush");
    const { totalStock } = z.looseObject({ totalStock: z.number() }).parse(after);
    expect(totalStock - 100_000).toBeGreaterThanOrEqual(load.units);
    expect(totalStock - 100_000).toBeLessThanOrEqual(load.units + load.unsure);
    // Each was under a key: all of them were answered in the end.
    expect(load.unsure).toBe(0);
  },
  TEST_MS_MAX,
);

test(
  "while the registry is away the gateway goes on with what it said last",
  async () => {
    await shop.registry?.kill();
    await until(async () => (await known()).isHeard === false, {
      withinMs: 15_000,
      what: "the gateway noticed",
    });
    expect((await ask(gateway, "GET", "/api/products")).status).toBe(200);
    await shop.registry?.restart();
    await until(async () => (await known()).isHeard === true, {
      withinMs: 15_000,
      what: "it is heard again",
    });
  },
  TEST_MS_MAX,
);

test("in production a change needs a token, and sign-in does not", async () => {
  await using strict = await shop.start("gateway", { NODE_ENV: "production" });
  const body = { name: "a", price: 1 };
  expect((await ask(strict, "POST", "/api/products", body)).status).toBe(401);
  expect((await ask(strict, "GET", "/api/products")).status).toBe(200);
  expect((await ask(strict, "POST", "/api/auth/login", JOHN)).status).toBe(200);
  expect(products.hasExited()).toBe(false);
});

describe("what is sent on", () => {
  const service = { ...SERVICES.products, key: "products" as const };
  const keyed = { ...SERVICES.inventory, key: "inventory" as const };
  type Answer = (request: Request) => Response | Promise<Response>;
  const behind = (...answers: Answer[]) => {
    const servers = answers.map((answer) => Bun.serve({ port: 0, fetch: answer }));
    const places: Place[] = servers.map(({ url }) => {
      const base = url.origin;
      return { instanceId: base, url: base, status: "UP", renewedAt: null };
    });
    const forward = createForward({ instances: { serving: () => places }, headMsMax: 500 });
    return {
      places,
      send: (request: Request, to: typeof service | typeof keyed = service) =>
        forward({ request, service: to, requestId: "r1", address: "10.0.0.9" }),
      async [Symbol.asyncDispose]() {
        for (const server of servers) await server.stop(true);
      },
    };
  };
  const URL_OF_IT = "http://shop.test/api/products?a=b%20c";

  test("says who asks, and nothing that the caller made up or that is of its connection alone", async () => {
    let seen = new Headers();
    let path = "";
    await using one = behind((request) => {
      seen = request.headers;
      const { pathname, search } = new URL(request.url);
      path = `${pathname}${search}`;
      return new Response("ok", { headers: { "x-own": "1", connection: "close" } });
    });
    const headers = {
      "x-forwarded-for": "1.2.3.4",
      forwarded: "for=1.2.3.4",
      connection: "x-private",
      "x-private": "1",
      te: "trailers",
      accept: "a/b",
    };
    const answer = await one.send(new Request(URL_OF_IT, { headers }));
    expect(path).toBe("/api/products?a=b%20c");
    expect(seen.get("x-forwarded-for")).toBe("10.0.0.9");
    expect(seen.get("x-forwarded-host")).toBe("shop.test");
    expect(seen.get("x-request-id")).toBe("r1");
    expect(seen.get("accept")).toBe("a/b");
    for (const name of ["forwarded", "x-private", "te"]) expect(seen.get(name)).toBeNull();
    expect(answer.headers.get("x-own")).toBe("1");
  });

  test("a long body and a long answer go through as they come", async () => {
    await using one = behind((request) => new Response(request.body));
    const chunks = 200;
    const body = new ReadableStream({
      async start(controller) {
        for (let i = 0; i < chunks; i += 1) {
          controller.enqueue(new Uint8Array(10_000).fill(i));
          await Promise.resolve();
        }
        controller.close();
      },
    });
    const headers = { "content-length": String(chunks * 10_000) };
    const answer = await one.send(new Request(URL_OF_IT, { method: "POST", body, headers }));
    expect((await answer.arrayBuffer()).byteLength).toBe(chunks * 10_000);
  });

  test.each<
    [what: string, method: string, key: boolean, to: typeof service | typeof keyed, twice: boolean]
  >([
    ["a read", "GET", false, service, true],
    ["a change under a key, of a service that knows keys,", "POST", true, keyed, true],
    ["a change without a key", "POST", false, keyed, false],
    ["a change under a key, of a service that knows none,", "POST", true, service, false],
  ])(
    "%s is repeated elsewhere where that can do no harm (%s, key %p)",
    async (_what, method, key, to, twice) => {
      const calls = [0, 0];
      const count =
        (i: number, status: number): Answer =>
        () => {
          calls[i] = (calls[i] ?? 0) + 1;
          return new Response("", { status });
        };
      await using two = behind(count(0, 503), count(1, 200));
      const headers: Record<string, string> = {
        ...(method === "GET" ? {} : { "content-length": "2" }),
        ...(key ? { "idempotency-key": "k1" } : {}),
      };
      const init = { method, headers, ...(method === "GET" ? {} : { body: "{}" }) };
      const answer = await two.send(new Request(URL_OF_IT, init), to);
      expect([answer.status, ...calls]).toEqual(twice ? [200, 1, 1] : [503, 1, 0]);
    },
  );

  test("a change that nobody heard of is sent to another; where nobody is left, it says so", async () => {
    await using one = behind(() => new Response("done"));
    const nobody = { instanceId: "gone", url: "http://127.0.0.1:9", status: "UP", renewedAt: null };
    one.places.unshift(nobody);
    const headers = { "content-length": "2" };
    const change = () => new Request(URL_OF_IT, { method: "POST", body: "{}", headers });
    expect((await one.send(change())).status).toBe(200);
    one.places.splice(1);
    await expect(one.send(change())).rejects.toMatchObject({ status: 503 });
  });

  test("callers who go away, and who are refused, keep nobody else from an instance", async () => {
    let calls = 0;
    await using one = behind(async () => {
      calls += 1;
      if (calls <= 5) return new Response("too many at once", { status: 503 });
      if (calls > 10) return new Response("done");
      await Promise.withResolvers<void>().promise;
      return new Response("never");
    });
    const change = (signal: AbortSignal | null = null) =>
      one.send(new Request(URL_OF_IT, { method: "POST", body: "{}", signal }));
    for (let i = 0; i < 5; i += 1) expect((await change()).status).toBe(503);
    for (let i = 0; i < 5; i += 1) {
      const gone = new AbortController();
      const before = calls;
      const sent = change(gone.signal);
      const refused = expect(sent).rejects;
      await until(() => calls > before, { withinMs: 5_000, what: "it has arrived" });
      gone.abort();
      await refused.toMatchObject({ status: 504 });
    }
    expect((await change()).status).toBe(200);
  });

  test("an instance that is silent again and again is left alone, and then tried again", async () => {
    let isWell = false;
    let calls = 0;
    await using one = behind(async () => {
      calls += 1;
      if (!isWell) await Promise.withResolvers<void>().promise;
      return new Response("done");
    });
    const change = () => one.send(new Request(URL_OF_IT, { method: "POST", body: "{}" }));
    for (let i = 0; i < 3; i += 1) await expect(change()).rejects.toMatchObject({ status: 504 });
    await expect(change()).rejects.toMatchObject({ status: 503 });
    expect(calls).toBe(3);
    isWell = true;
    const isServed = () => change().then(({ status }) => status === 200);
    await until(isServed, { withinMs: 10_000, what: "it is tried again" });
  });

  test("a change whose answer does not come is not repeated, and is said to be unknown", async () => {
    const nobody = Promise.withResolvers<void>();
    let calls = 0;
    await using one = behind(async () => {
      calls += 1;
      await nobody.promise;
      return new Response("late");
    });
    const change = new Request(URL_OF_IT, { method: "POST", body: "{}" });
    const refused = expect(one.send(change)).rejects;
    await refused.toMatchObject({ status: 504, fields: { code: "outcome_unknown" } });
    expect(calls).toBe(1);
  });
});
