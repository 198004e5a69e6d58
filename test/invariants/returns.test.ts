import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { audit, type Acknowledged } from "#test/audit";
import { Caller, codeIn, inventoryIn, reservationIn, type Answer } from "#test/caller";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";

const TEST_MS_MAX = 60_000;
const Sums = z.object({ sold: z.int(), returned: z.int(), returnable: z.int() });

async function startAll() {
  const redis = await startRedis();
  const database = await testDatabase();
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const api = await startService({ ...servers, role: "api" });
  const all = await startService({ ...servers, role: "all" });
  return { redis, database, servers, services: [api, all] as const };
}

let all: Awaited<ReturnType<typeof startAll>>;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  all = await startAll();
}, TEST_MS_MAX);
afterAll(async () => {
  for (const service of all.services) await service[Symbol.asyncDispose]();
  await all.redis.stop();
  await all.database.drop();
});

/** As a service that acts for orders, on the first process or on that one. */
async function post(path: string, body: object, more: { key?: string; on?: Service } = {}) {
  const caller = new Caller((more.on ?? all.services[0]).url);
  const token = await tokenOf("service", "orders");
  const { key } = more;
  return caller.call({ method: "POST", path, token, body, ...(key === undefined ? {} : { key }) });
}

function acknowledge({ requestId }: Answer, type: Acknowledged["type"], units: number): void {
  acknowledged.push({ requestId, type, units, reservationId: null });
}

async function makeProduct(initialStock: number): Promise<string> {
  const productId = randomId(10);
  const made = await post("/initialize", { productId, sku: `SKU-${productId}`, initialStock });
  expect(made.status).toBe(201);
  return productId;
}

async function sell(productId: string, quantity: number, more: object): Promise<void> {
  const answer = await post(`/product/${productId}/sell`, { quantity, ...more });
  expect(answer.status).toBe(200);
  acknowledge(answer, "SALE", quantity);
}

/** Answers the sums, those of a refusal too. */
async function giveBack(productId: string, body: { quantity: number; orderId: string }) {
  const answer = await post(`/product/${productId}/return`, body);
  if (answer.status === 200) {
    acknowledge(answer, "RETURN", body.quantity);
    const { returned } = z.object({ returned: Sums }).parse(answer.body);
    return { status: 200, ...returned, available: inventoryIn(answer).availableStock };
  }
  return { status: answer.status, code: codeIn(answer), ...Sums.parse(answer.body) };
}

test("what was sold may come back in parts, and no unit more", async () => {
  const productId = await makeProduct(50);
  await sell(productId, 5, { orderId: "o1" });
  const back = (quantity: number) => giveBack(productId, { quantity, orderId: "o1" });
  expect(await back(2)).toEqual({
    status: 200,
    sold: 5,
    returned: 2,
    returnable: 3,
    available: 47,
  });
  const refused = { status: 409, code: "limit_exceeded", sold: 5, returned: 2, returnable: 3 };
  expect(await back(4)).toEqual(refused);
  expect(await back(3)).toMatchObject({ status: 200, returnable: 0, available: 50 });
  expect(await back(1)).toMatchObject({ ...refused, returned: 5, returnable: 0 });
  await sell(productId, 1, { orderId: "o1" });
  expect(await back(1)).toMatchObject({ status: 200, sold: 6, returned: 6 });
});

test("what a hold's confirm sold may come back; what is held or was cancelled may not", async () => {
  const productId = await makeProduct(50);
  const body = { quantity: 6, orderId: "o1", customerId: "carol" };
  const hold = reservationIn(await post(`/product/${productId}/reserve`, body));
  const back = (more: { quantity: number; customerId?: string }) =>
    giveBack(productId, { orderId: "o1", ...more });
  const none = { status: 409, sold: 0, returned: 0, returnable: 0 };
  expect(await back({ quantity: 1 })).toMatchObject(none);
  const lines = [{ productId, quantity: 4 }];
  const confirmed = await post(`/reservation/${hold.reservationId}/confirm`, { lines });
  expect(confirmed.status).toBe(200);
  await post(`/reservation/${hold.reservationId}/cancel`, {});
  expect(await back({ quantity: 5 })).toMatchObject({ status: 409, sold: 4 });
  expect(await back({ quantity: 1, customerId: "dan" })).toMatchObject(none);
  expect(await back({ quantity: 3, customerId: "carol" })).toMatchObject({ returnable: 1 });
  expect(await back({ quantity: 1 })).toMatchObject({ status: 200, sold: 4, returned: 4 });
  expect(await back({ quantity: 1, customerId: "carol" })).toMatchObject({ status: 409 });
});

test("what came back in nobody's name is not given back again in a customer's", async () => {
  const productId = await makeProduct(50);
  await sell(productId, 3, { orderId: "o1", customerId: "carol" });
  expect(await giveBack(productId, { quantity: 3, orderId: "o1" })).toMatchObject({ status: 200 });
  const again = { quantity: 1, orderId: "o1", customerId: "carol" };
  expect(await giveBack(productId, again)).toMatchObject({ status: 409, returnable: 0 });
});

test("scrap counts as returned, and is never available", async () => {
  const productId = await makeProduct(50);
  await sell(productId, 5, { orderId: "o1" });
  const scrap = { quantity: 4, orderId: "o1", disposition: "scrap", reason: "broken" };
  expect(await giveBack(productId, scrap)).toMatchObject({ returnable: 1, available: 45 });
  expect(await giveBack(productId, { quantity: 2, orderId: "o1" })).toMatchObject({ status: 409 });
});

test("a repeated return under its key hears the first answer, also when nothing is left", async () => {
  const productId = await makeProduct(50);
  await sell(productId, 5, { orderId: "o1" });
  const [path, key] = [`/product/${productId}/return`, randomId(12)];
  const body = { quantity: 5, orderId: "o1" };
  const first = await post(path, body, { key });
  acknowledge(first, "RETURN", 5);
  const again = await post(path, body, { key });
  expect([again.status, again.body]).toEqual([200, first.body]);
  expect(again.headers.get("idempotency-replayed")).toBe("true");
  expect((await post(path, { ...body, quantity: 4 }, { key })).status).toBe(422);
});

test(
  "40 callers of two processes who return what one order was sold return no unit more",
  async () => {
    const productId = await makeProduct(100);
    await sell(productId, 12, { orderId: "o1", customerId: "carol" });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        const body = {
          quantity: 1,
          orderId: "o1",
          ...(i % 2 === 0 ? { customerId: "carol" } : {}),
        };
        return post(`/product/${productId}/return`, body, {
          on: all.services[i % 2] ?? all.services[0],
        });
      }),
    );
    const done = answers.filter(({ status }) => status === 200);
    for (const answer of done) acknowledge(answer, "RETURN", 1);
    expect(done).toHaveLength(12);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(codeIn))).toEqual(new Set(["limit_exceeded"]));
    const left = await giveBack(productId, { quantity: 1, orderId: "o1" });
    expect(left).toMatchObject({ status: 409, sold: 12, returned: 12, returnable: 0 });
  },
  TEST_MS_MAX,
);

test("the ledger has every sale and every return of the tests above", async () => {
  const audited = await audit({ ...all.servers, acknowledged });
  expect(audited.acknowledged).toBeGreaterThan(20);
});
