/** Contract C's one call that makes products, and adds to them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BASE, expectError, serveEureka, type EurekaService } from "./eureka-service.ts";

const START_MS_MAX = 60_000;
const STOCK_MAX = 1_000_000_000_000;

let service: EurekaService;
beforeAll(async () => {
  service = await serveEureka("inventory,eureka");
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

/** Makes a product through contract A, whose ids and SKUs may differ. */
async function initialize(productId: string, sku: string, initialStock: number): Promise<void> {
  const body = { productId, sku, initialStock };
  const { status } = await service.call("POST", `${BASE}/initialize`, { body, as: "admin" });
  expect(status).toBe(201);
}

const quantityOf = async (id: string | number): Promise<unknown> => {
  const { body } = await service.call("GET", `${BASE}/${id}`);
  return Object(body).quantity;
};

describe("POST /api/inventory", () => {
  test("makes a product, or adds to its home", async () => {
    const body = { productId: 501, quantity: 40, colour: "red" };
    const made = await service.post(BASE, body);
    const item = { productId: 501, quantity: 40, reserved: 0, location: "Warehouse A" };
    expect({ status: made.status, body: made.body }).toEqual({ status: 201, body: item });
    const added = await service.post(BASE, {
      productId: "501",
      quantity: 2,
      location: "Warehouse B",
    });
    expect({ status: added.status, body: added.body }).toEqual({
      status: 200,
      body: { ...item, quantity: 42 },
    });
    const same = await service.post(BASE, { productId: 501, quantity: 0 });
    expect({ status: same.status, body: same.body }).toEqual({
      status: 200,
      body: { ...item, quantity: 42 },
    });
    const huge = await service.post(BASE, { productId: 501, quantity: 1_000_000_001 });
    expectError(huge, 400, "quantity must be at most 1000000000");
  });

  test("takes a location, and ids that are no numbers", async () => {
    const { status, body } = await service.post(BASE, {
      productId: "9007199254740993",
      quantity: 0,
      location: "Dock 1",
    });
    const item = { productId: "9007199254740993", quantity: 0, reserved: 0, location: "Dock 1" };
    expect({ status, body }).toEqual({ status: 201, body: item });
  });

  test("made or added to under an Idempotency-Key, gives the first answer again", async () => {
    const once = (key: string, quantity: number) =>
      service.post(BASE, { productId: 502, quantity }, { "idempotency-key": key });
    const [made, added] = [await once("make", 5), await once("add", 6)];
    expect([made.status, added.status]).toEqual([201, 200]);
    await service.post(BASE, { productId: 502, quantity: 100 });
    for (const [key, quantity, first] of [
      ["make", 5, made],
      ["add", 6, added],
    ] as const) {
      const again = await once(key, quantity);
      expect(again.headers.get("idempotency-replayed")).toBe("true");
      expect({ status: again.status, body: again.body }).toEqual({
        status: first.status,
        body: first.body,
      });
      expect((await once(key, 7)).status).toBe(422);
    }
    expect((await service.call("GET", `${BASE}/502`)).body).toMatchObject({ quantity: 111 });
  });

  const once = (key: string, productId: string | number, quantity: number) =>
    service.post(BASE, { productId, quantity }, { "idempotency-key": key });

  test("under one Idempotency-Key has one effect, however many copies come at once", async () => {
    const { id } = await service.create(10);
    for (const [key, productId, total] of [
      ["many of one that is there", id, 17],
      ["many of a new one", 503, 7],
    ] as const) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => once(key, productId, 7)));
      const told = answers.map(({ status, body }) => ({ status, body }));
      expect(new Set(told.map((one) => JSON.stringify(one))).size).toBe(1);
      const isReplayed = answers.map(({ headers }) => headers.has("idempotency-replayed"));
      expect(isReplayed.filter((is) => !is)).toHaveLength(1);
      expect(await quantityOf(productId)).toBe(total);
    }
  });

  test("that added under an Idempotency-Key makes no other product under it", async () => {
    const { id } = await service.create(10);
    expect((await once("added", id, 7)).status).toBe(200);
    expectError(
      await once("added", 504, 7),
      422,
      "this Idempotency-Key was used with another body",
    );
    expect((await service.call("GET", `${BASE}/504`)).status).toBe(404);
    expectError(await once("added", id, 0), 422, "this Idempotency-Key was used with another body");
    expect(await quantityOf(id)).toBe(17);
  });

  test("of nothing, for a product that is there, binds no Idempotency-Key", async () => {
    const { id } = await service.create(10);
    const nothing = await once("nothing", id, 0);
    expect([nothing.status, nothing.headers.get("idempotency-replayed")]).toEqual([200, null]);
    expect((await once("nothing", id, 5)).status).toBe(200);
    expect(await quantityOf(id)).toBe(15);
  });

  test("adds to a product whose id is another one's SKU", async () => {
    await initialize("505", "SKU-505", 1);
    await initialize("506", "505", 1);
    expect((await service.post(BASE, { productId: 505, quantity: 4 })).status).toBe(200);
    expect(await quantityOf(505)).toBe(5);
  });

  test("of a product that is not there and whose id is another one's SKU is 409", async () => {
    await initialize("507", "508", 1);
    const taken = await service.post(BASE, { productId: 508, quantity: 4 });
    expectError(taken, 409, "SKU 508 is that of 507", { code: "already_exists" });
    expect((await service.call("GET", `${BASE}/508`)).status).toBe(404);
  });

  test("of more than a product may have is 409, and changes nothing", async () => {
    const { id } = await service.create(STOCK_MAX);
    const answer = await service.post(BASE, { productId: id, quantity: 1 });
    const error = `Stock limit reached. On hand: ${STOCK_MAX}`;
    expectError(answer, 409, error, { code: "limit_exceeded" });
    expect(await quantityOf(id)).toBe(STOCK_MAX);
  });
});
