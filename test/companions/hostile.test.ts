/** What callers send to the services of a shop to make one of them fail, or act for somebody else. */
import { createHmac, generateKeyPairSync } from "node:crypto";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { exportSPKI, importJWK, SignJWT, type JWK } from "jose";
import { z } from "zod";
import { createStockOfProducts } from "#companions/products/stock";
import { createPostgres } from "#postgres/client";
import { openOrdersShop, Order } from "#test/orders";
import { ADMIN, ask, JOHN, SERVICE_SECRET } from "#test/shop";
import type { Service } from "#test/service";
import { until } from "#test/until";

const bed = await openOrdersShop();
const { shop, products, admin, john } = bed;
const orders = await bed.startOrders();
const payment = await shop.start("payment", { ORDERS_URL: orders.url });
const sql = createPostgres(shop.databaseUrl);
afterAll(async () => {
  await sql.end();
  await bed[Symbol.asyncDispose]();
});
/** So that no test is limited by the tries of another. */
beforeEach(async () => {
  const keys = await shop.redis.keys("users:*");
  if (keys.length > 0) await shop.redis.del(...keys);
});

/** As it stands there; answers the status. */
async function send(
  service: Service,
  method: string,
  path: string,
  body = "",
  headers: Readonly<Record<string, string>> = { authorization: `Bearer ${admin}` },
): Promise<number> {
  const { status } = await fetch(`${service.url}${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body === "" ? {} : { body }),
  });
  return status;
}

const NUL = "a\\u0000b";
const HALF = "a\\ud800b";
const item = (productId: string) =>
  `{"customerId":1,"items":[{"productId":${productId},"quantity":1}]}`;

describe("what nobody can keep is refused as wrong, and fails nothing:", () => {
  const services = { products, orders, payment, users: shop.users };
  test.each<[who: keyof typeof services, method: string, path: string, body: string]>([
    ["products", "GET", "/api/products?q=%00", ""],
    ["products", "GET", "/api/products?category=a%00b", ""],
    ["products", "POST", "/api/products", `{"name":"${NUL}","price":1}`],
    ["products", "POST", "/api/products", `{"name":"${HALF}","price":1}`],
    ["products", "PUT", "/api/products/1", `{"category":"${NUL}"}`],
    ["products", "POST", "/api/products", '{"name":"a","price":1e-9}'],
    ["products", "POST", "/api/products", '{"name":"a","price":1e308}'],
    ["products", "POST", "/api/products", '{"name":"a","price":1e400}'],
    ["products", "POST", "/api/products", '{"name":"a","price":1,"initialStock":1e300}'],
    ["products", "POST", "/api/products", '{"__proto__":{"x":1},"name":"a","price":1}'],
    ["products", "POST", "/api/products", `${"[".repeat(60_000)}${"]".repeat(60_000)}`],
    ["orders", "POST", "/api/orders", item(`"${NUL}"`)],
    ["orders", "POST", "/api/orders", item(`"${HALF}"`)],
    ["orders", "POST", "/api/orders", item("9007199254740993")],
    ["users", "POST", "/api/auth/clients", `{"name":"${NUL}"}`],
    ["users", "POST", "/api/auth/login", `{"email":"a@b.example","password":"${NUL}"}`],
    [
      "users",
      "POST",
      "/api/auth/token",
      `{"grant_type":"client_credentials","client_id":"${NUL}","client_secret":"x"}`,
    ],
  ])("%s: %s %s", async (who, method, path, body) => {
    expect(await send(services[who], method, path, body)).toBe(400);
  });

  test("a client's name in HTTP's basic authentication, and ids that no product can have", async () => {
    const headers = { authorization: `Basic ${btoa("\0:x")}` };
    const grant = '{"grant_type":"client_credentials"}';
    expect(await send(shop.users, "POST", "/api/auth/token", grant, headers)).toBe(401);
    expect(await send(payment, "GET", "/api/payments/%00")).toBe(404);
    const outcome = '{"outcome":"FAILED"}';
    expect(await send(payment, "POST", "/api/payments/a%00/outcome", outcome)).toBe(404);
    expect(await send(orders, "GET", "/api/orders/customer/%00")).toBe(200);
    for (const id of ['"."', '".."', '"5?include=stock"', '"../5"']) {
      expect(await send(orders, "POST", "/api/orders", item(id))).toBe(404);
    }
  });

  test("a page goes on behind a customer whose name no header can have", async () => {
    const productId = await bed.product(2);
    const customerId = "Zoë €";
    const body = { customerId, items: [{ productId, quantity: 1 }] };
    expect((await ask(orders, "POST", "/api/orders", body, admin)).status).toBe(201);
    const path = `/api/orders/customer/${encodeURIComponent(customerId)}`;
    const page = await ask(orders, "GET", `${path}?limit=1`, undefined, admin);
    expect(page.status).toBe(200);
    expect(page.headers.get("link")).toStartWith(`<${path}?limit=1&after=`);
  });
});

describe("a token that the users service did not sign, as it stands there, opens nothing:", () => {
  const url = shop.users.url;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const later = Math.floor(Date.now() / 1_000) + 600;
  const claims = { sub: "user-x", role: "admin", exp: later };
  const jwks = async () => {
    const published = await (await fetch(`${url}/.well-known/jwks.json`)).json();
    return z
      .object({ keys: z.array(z.looseObject({ kid: z.string(), n: z.string() })) })
      .parse(published);
  };
  const kidOf = async () => (await jwks()).keys[0]?.kid ?? "";
  const own = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
  const signed = (payload: object, header: object) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: "RS256", ...header }).sign(own);
  const byPublic = async (secretOf: (key: JWK & { n: string }) => Promise<string> | string) => {
    const [key] = (await jwks()).keys;
    if (key === undefined) throw new Error("no key is published");
    const head = part({ alg: "HS256", typ: "JWT", kid: key.kid });
    const text = `${head}.${part(claims)}`;
    const secret = await secretOf({ ...key, kty: "RSA" });
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const FORGED: readonly (readonly [what: string, forge: () => Promise<string>])[] = [
    ["of no algorithm", () => Promise.resolve(`${part({ alg: "none" })}.${part(claims)}.`)],
    [
      "of no algorithm, written otherwise, with another's signature",
      () => Promise.resolve(`${part({ alg: "nOnE" })}.${part(claims)}.${john.split(".")[2]}`),
    ],
    [
      "signed with the public key as a secret",
      () => byPublic(async (key) => await exportSPKI(publicOf(await importJWK(key, "RS256")))),
    ],
    ["signed with the modulus as a secret", () => byPublic(({ n }) => n)],
    ["of a key of one's own", async () => await signed(claims, { kid: await kidOf() })],
    ["that brings its key", () => signed(claims, { jwk: { kty: "RSA" }, kid: "other" })],
    ["that says where its key is", () => signed(claims, { jku: `${url}/keys`, kid: "../../x" })],
    [
      "of another's claims",
      () => Promise.resolve([john.split(".")[0], part(claims), john.split(".")[2]].join(".")),
    ],
    ["that never ends", () => signed({ sub: "user-x", role: "admin" }, {})],
  ];
  test.each(FORGED)("%s", async (_what, forge) => {
    const headers = { authorization: `Bearer ${await forge()}` };
    expect(await send(orders, "GET", "/api/orders", undefined, headers)).toBe(401);
    expect(await send(payment, "GET", "/api/payments", undefined, headers)).toBe(401);
    expect(await send(products, "DELETE", "/api/products/1", undefined, headers)).toBe(401);
    expect(await send(shop.users, "POST", "/api/auth/keys/rotate", undefined, headers)).toBe(401);
    const path = "/api/inventory/product/1/stock";
    const body = '{"quantity":1,"type":"RESTOCK"}';
    expect(await send(shop.inventory, "PATCH", path, body, headers)).toBe(401);
  });
});

function publicOf(key: Awaited<ReturnType<typeof importJWK>>) {
  if (key instanceof Uint8Array) throw new TypeError("this is a secret");
  return key;
}

test("however many guess a password at once, ten are looked at", async () => {
  const login = (password: string) =>
    ask(shop.users, "POST", "/api/auth/login", { ...JOHN, password });
  const all = await Promise.all(Array.from({ length: 40 }, () => login("not this one")));
  expect(all.filter(({ status }) => status === 401)).toHaveLength(10);
  expect(all.filter(({ status }) => status === 429)).toHaveLength(30);
  expect((await login(JOHN.password)).status).toBe(429);
});

test("nobody locks a client of the shop out but from where it guesses", async () => {
  await using behind = await shop.start("users", { TRUSTED_PROXIES: "127.0.0.1" });
  const grant = (secret: string, from: string) => {
    const body = { grant_type: "client_credentials", client_id: "companions" };
    const headers = { "x-forwarded-for": from };
    const sent = { ...body, client_secret: secret };
    return ask(behind, "POST", "/api/auth/token", sent, undefined, headers);
  };
  for (let i = 0; i < 10; i += 1)
    expect((await grant(`guess-${i}`, "203.0.113.7")).status).toBe(401);
  expect((await grant(SERVICE_SECRET, "203.0.113.7")).status).toBe(429);
  expect((await grant(SERVICE_SECRET, "203.0.113.8")).status).toBe(200);
});

test("what a customer may not see is as if it were not there, whoever it is asked as", async () => {
  const productId = await bed.product(3);
  const body = { customerId: "somebody-else", items: [{ productId, quantity: 1 }] };
  const { id } = Order.parse((await ask(orders, "POST", "/api/orders", body, admin)).body);
  const forwarded = {
    "x-forwarded-user": "admin",
    "x-user-id": "somebody-else",
    "x-role": "admin",
  };
  const as = (method: string, path: string, sent?: object) =>
    ask(orders, method, path, sent, john, forwarded);
  expect((await as("GET", `/api/orders/${id}`)).status).toBe(404);
  expect((await as("PUT", `/api/orders/${id}/status`, { status: "CANCELLED" })).status).toBe(404);
  expect((await as("POST", "/api/orders", body)).status).toBe(403);
  expect((await as("GET", "/api/orders/customer/somebody-else")).status).toBe(403);
  const pay = { orderId: id, method: "card_ok" };
  expect((await ask(payment, "POST", "/api/payments", pay, john, forwarded)).status).toBe(404);
  expect((await ask(orders, "GET", `/api/orders/${id}`, undefined, admin)).body).toMatchObject({
    status: "PENDING",
  });
});

test("rows of what was refused go when no copy of their call can arrive any more", async () => {
  const productId = await bed.product(1);
  const body = { customerId: "greedy", items: [{ productId, quantity: 2 }] };
  expect((await ask(orders, "POST", "/api/orders", body, admin)).status).toBe(400);
  const left = async () => {
    const rows = await sql`SELECT state FROM orders.orders WHERE customer_id = 'greedy'`;
    return rows.map((row) => String(row["state"])).join();
  };
  expect(await left()).toBe("REFUSED");
  await sql`UPDATE orders.orders SET updated_at = now() - interval '2 days'
    WHERE customer_id = 'greedy'`;
  await until(async () => (await left()) === "", { withinMs: 20_000, what: "they are gone" });
});

test("pages that tell their stock ask for a bounded number at once, and tell the rest without", async () => {
  const never = Promise.withResolvers<Response>();
  let asked = 0;
  await using inventory = Bun.serve({
    port: 0,
    fetch: () => {
      asked += 1;
      return never.promise;
    },
  });
  const stock = createStockOfProducts({
    url: inventory.url.origin,
    token: () => Promise.resolve("token"),
  });
  const reads = await Promise.allSettled(
    Array.from({ length: 2_000 }, (_, id) => stock.stockOf(String(id + 1))),
  );
  expect(reads.every(({ status }) => status === "rejected")).toBe(true);
  expect(asked).toBeLessThanOrEqual(400);
  never.resolve(new Response("late"));
});

test("after all of it each service is well, and has logged no failure of its own", async () => {
  for (const service of [products, orders, payment, shop.users]) {
    expect(await send(service, "GET", "/health/ready")).toBe(200);
    expect(service.output()).not.toContain("a request failed");
  }
  expect((await ask(shop.users, "POST", "/api/auth/login", ADMIN)).status).toBe(200);
});
