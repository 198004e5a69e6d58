/** Users as a process: sign-in, tokens that the inventory takes, keys that change, and who is kept out. */
import { afterAll, describe, expect, test } from "bun:test";
import { decodeProtectedHeader } from "jose";
import { Redis } from "ioredis";
import { z } from "zod";
import { createPostgres } from "#postgres/client";
import { startRedis, testDatabase } from "#test/servers";
import { startService, type Service } from "#test/service";

const redis = await startRedis();
const database = await testDatabase();
const servers = { redisUrl: redis.url, databaseUrl: database.url };
const SECRET = "a9Vx2Lq7Rm4Tz8Wd1Kp6";
const users = await startService({
  ...servers,
  role: "users",
  env: { SAMPLE_DATA: "1", SERVICE_CLIENT_SECRET: SECRET },
});
const looking = new Redis(redis.url);
afterAll(async () => {
  looking.disconnect();
  await users[Symbol.asyncDispose]();
  await redis.stop();
  await database[Symbol.asyncDispose]();
});

/** What any of these answers may have. */
const Body = z.looseObject({
  token: z.string().default(""),
  user: z.looseObject({ role: z.string() }).default({ role: "none" }),
});
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: z.output<typeof Body>;
}
const Granted = z.looseObject({ access_token: z.string() });
const Published = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });

async function ask(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
  service: Service = users,
): Promise<Answer> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = { "content-type": "application/json" };
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: { ...type, ...headers },
    ...init,
  });
  return {
    status: response.status,
    headers: response.headers,
    body: Body.parse(await response.json()),
  };
}
const login = (email: string, password: string) =>
  ask("POST", "/api/auth/login", { email, password });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
/** So that no test is limited by the tries of another. */
const forgiven = () => looking.flushall();

const ADMIN = { email: "admin@ecommerce.com", password: "Admin123456" };

test("the two sample accounts sign in as they did before", async () => {
  const admin = await login(ADMIN.email, ADMIN.password);
  expect(admin).toMatchObject({
    status: 200,
    body: { message: "Login successful", user: { email: ADMIN.email, role: "admin" } },
  });
  const john = await login("John.Doe@example.com", "SecurePass123");
  expect(john.body.user.role).toBe("customer");
});

test("the inventory takes tokens of users by their published keys, each for its role", async () => {
  await forgiven();
  const jwks = `${users.url}/.well-known/jwks.json`;
  await using inventory = await startService({
    ...servers,
    env: { JWKS_URL: jwks, JWT_SECRET: "" },
  });
  const body = { productId: "of-users", sku: "U-1", initialStock: 3 };
  const made = async (token: string) =>
    (await ask("POST", "/api/inventory/initialize", body, bearer(token), inventory)).status;
  const john = await login("john.doe@example.com", "SecurePass123");
  expect(await made(john.body.token)).toBe(403);
  expect(await made("x.y.z")).toBe(401);
  expect(await made((await login(ADMIN.email, ADMIN.password)).body.token)).toBe(201);
  const order = { orderId: "o1", quantity: 1 };
  const path = "/api/inventory/product/of-users/reserve";
  expect((await ask("POST", path, order, bearer(john.body.token), inventory)).status).toBe(201);
  // A service signs in for itself, as OAuth has it.
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  const basic = `Basic ${btoa(`companions:${SECRET}`)}`;
  const response = await fetch(`${users.url}/api/auth/token`, {
    method: "POST",
    headers: { authorization: basic },
    body: form,
  });
  const granted = Granted.parse(await response.json());
  expect(granted).toMatchObject({ token_type: "Bearer", expires_in: 3_600 });
  const asService = bearer(granted.access_token);
  const named = { orderId: "o2", quantity: 1, customerId: "somebody" };
  expect((await ask("POST", path, named, asService, inventory)).status).toBe(201);
});

describe("registration", () => {
  test("makes a customer, once for an address of mail, whatever its letters", async () => {
    await forgiven();
    const jane = { email: "Jane@Example.com", password: "a password of hers" };
    const made = await ask("POST", "/api/auth/register", jane);
    expect(made).toMatchObject({
      status: 201,
      body: { user: { email: "jane@example.com", role: "customer" } },
    });
    const again = await ask("POST", "/api/auth/register", { ...jane, email: "jane@example.com " });
    expect(again.status).toBe(409);
    const me = await ask("GET", "/api/auth/me", undefined, bearer(made.body.token));
    expect(me.body.user).toEqual(made.body.user);
  });

  test.each<[what: string, body: object, field: string]>([
    ["no address", { password: "long enough!" }, "email"],
    ["an address that is none", { email: "jane", password: "long enough!" }, "email"],
    ["a short password", { email: "a@b.example", password: "short" }, "password"],
    ["an endless password", { email: "a@b.example", password: "x".repeat(201) }, "password"],
    ["a role", { email: "a@b.example", password: "long enough!", role: "admin" }, "role"],
  ])("with %s is refused and names the field", async (_what, body, field) => {
    await forgiven();
    const refused = await ask("POST", "/api/auth/register", body);
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ field, message: expect.stringContaining(field) });
  });

  test("no password stands anywhere as it was given", async () => {
    const sql = createPostgres(database.url);
    const rows = await sql`SELECT password_hash FROM users.accounts`;
    for (const row of rows) expect(row["password_hash"]).toStartWith("$argon2id$");
    await sql.end();
    expect(users.output()).not.toContain(ADMIN.password);
  });
});

describe("who guesses", () => {
  test("is told the same of a wrong password and of nobody's address", async () => {
    await forgiven();
    const wrong = await login(ADMIN.email, "not this one");
    const nobody = await login("nobody@example.com", "not this one");
    expect([wrong.status, nobody.status]).toEqual([401, 401]);
    expect(String(wrong.body["message"])).toBe(String(nobody.body["message"]));
  });

  test("is locked out after ten wrong ones, with the right one too, and others are not", async () => {
    await forgiven();
    for (let i = 0; i < 10; i += 1) expect((await login(ADMIN.email, "wrong")).status).toBe(401);
    const locked = await login(ADMIN.email, ADMIN.password);
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get("retry-after"))).toBeGreaterThan(800);
    expect((await login("john.doe@example.com", "SecurePass123")).status).toBe(200);
    await forgiven();
    expect((await login(ADMIN.email, ADMIN.password)).status).toBe(200);
  });

  test("may not try more than sixty times a minute from one place", async () => {
    await forgiven();
    const tries = Array.from({ length: 70 }, () => ask("POST", "/api/auth/login", {}));
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 400)).toHaveLength(60);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    await forgiven();
  });

  test("is counted as whom a trusted gateway names; nobody else is believed who he is", async () => {
    await using behind = await startService({
      ...servers,
      role: "users",
      env: { SERVICE_CLIENT_SECRET: SECRET, TRUSTED_PROXIES: "127.0.0.1" },
    });
    const triedFrom = async (address: (index: number) => string, service: Service) => {
      await forgiven();
      const tries = Array.from({ length: 70 }, (_, index) => {
        const headers = { "x-forwarded-for": address(index) };
        return ask("POST", "/api/auth/login", {}, headers, service);
      });
      const statuses = (await Promise.all(tries)).map(({ status }) => status);
      return statuses.filter((status) => status === 429).length;
    };
    const each = (index: number): string => `203.0.113.${index}`;
    expect(await triedFrom(each, behind)).toBe(0);
    expect(await triedFrom(() => "203.0.113.9", behind)).toBe(10);
    // What stands before the address that the gateway wrote, a caller may have made up.
    expect(await triedFrom((index) => `${each(index)}, 203.0.113.9`, behind)).toBe(10);
    expect(await triedFrom((index) => `2001:db8::${index}`, behind)).toBe(10);
    expect(await triedFrom(each, users)).toBe(10);
    await forgiven();
  });
});

test("keys change while tokens of both are taken, and a new one is published before it signs", async () => {
  await forgiven();
  const keys = async () => {
    const response = await fetch(`${users.url}/.well-known/jwks.json`);
    return Published.parse(await response.json()).keys.map(({ kid }) => kid);
  };
  const { token } = (await login(ADMIN.email, ADMIN.password)).body;
  const [first = ""] = await keys();
  expect(decodeProtectedHeader(token).kid).toBe(first);
  const john = (await login("john.doe@example.com", "SecurePass123")).body.token;
  expect((await ask("POST", "/api/auth/keys/rotate", {}, bearer(john))).status).toBe(403);
  const rotated = await ask("POST", "/api/auth/keys/rotate", {}, bearer(token));
  expect(rotated.status).toBe(201);
  expect(new Set(await keys())).toEqual(new Set([first, String(rotated.body["kid"])]));
  const before = (await login(ADMIN.email, ADMIN.password)).body.token;
  expect(decodeProtectedHeader(before).kid).toBe(first);
  // Twenty minutes later, for all that PostgreSQL knows.
  const sql = createPostgres(database.url);
  await sql`UPDATE users.signing_keys SET signs_from = now() WHERE published_until IS NULL`;
  await users.restart();
  const after = (await login(ADMIN.email, ADMIN.password)).body.token;
  expect(decodeProtectedHeader(after).kid).toBe(String(rotated.body["kid"]));
  for (const one of [token, after]) {
    expect((await ask("GET", "/api/auth/me", undefined, bearer(one))).status).toBe(200);
  }
  // What the old one signed has run out.
  await sql`UPDATE users.signing_keys SET published_until = now() WHERE published_until IS NOT NULL`;
  await users.restart();
  expect((await ask("GET", "/api/auth/me", undefined, bearer(token))).status).toBe(401);
  await sql.end();
});

test("a client that an admin makes signs in, and its secret is told once", async () => {
  await forgiven();
  const admin = (await login(ADMIN.email, ADMIN.password)).body.token;
  const made = await ask("POST", "/api/auth/clients", { name: "a warehouse" }, bearer(admin));
  expect(made.status).toBe(201);
  const { clientId, clientSecret } = made.body;
  const grant = { grant_type: "client_credentials", client_id: clientId };
  const right = await ask("POST", "/api/auth/token", { ...grant, client_secret: clientSecret });
  expect(right.status).toBe(200);
  const wrong = await ask("POST", "/api/auth/token", { ...grant, client_secret: "another" });
  expect(wrong).toMatchObject({ status: 401, body: { error: "invalid_client" } });
});

test("while Redis is away nobody signs in, and it says so; then it goes on", async () => {
  await using other = await startRedis();
  await using service = await startService({
    ...servers,
    redisUrl: other.url,
    role: "users",
    env: { SAMPLE_DATA: "0" },
  });
  await other.stop();
  const away = await ask("POST", "/api/auth/login", ADMIN, {}, service);
  expect(away.status).toBe(503);
  expect(away.headers.get("retry-after")).toBe("1");
});
