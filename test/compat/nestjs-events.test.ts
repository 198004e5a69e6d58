import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  BASES,
  invalid,
  NOT_AVAILABLE,
  said,
  serveNest,
  START_MS_MAX,
  SUCCESS,
  UNKNOWN,
  WHEN,
  type NestService,
} from "./nestjs-service.ts";

const STOCK_MAX = 1_000_000_000_000;

let service: NestService;
beforeAll(async () => {
  service = await serveNest();
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

const create = (quantity: number) => service.create(quantity);
const stock = (productId: string) => service.stock(productId);
const call = (method: string, path: string, body?: unknown, key?: string) =>
  service.send(method, path, body, key);

for (const base of BASES) {
  const event = (body: object, key?: string) => call("POST", `${base}/update-stock`, body, key);
  const reserve = (id: string, body: object) => call("PUT", `${base}/reserve-order/${id}`, body);

  describe(`${base}/update-stock`, () => {
    test("stockUpdate adds, orderPlaced takes from what is available", async () => {
      const productId = await create(5);
      const common = { productId, timestamp: WHEN };
      const added = await event({ ...common, eventType: "stockUpdate", quantity: 10 });
      expect(said(added)).toEqual(SUCCESS);
      expect(await stock(productId)).toMatchObject({ quantity: 15, reserved: 0 });
      const taken = await event({ ...common, eventType: "orderPlaced", quantity: 4 });
      expect(said(taken)).toEqual(SUCCESS);
      expect(await stock(productId)).toMatchObject({ quantity: 11, reserved: 0 });
    });

    test("orderPlaced never takes from a hold", async () => {
      const productId = await create(5);
      await reserve(productId, { orderId: "o1", quantity: 4 });
      const body = { eventType: "orderPlaced", productId, quantity: 2, timestamp: WHEN };
      expect(said(await event(body))).toEqual(NOT_AVAILABLE);
      expect(await stock(productId)).toMatchObject({ quantity: 1, reserved: 4 });
    });

    for (const [eventType, left] of [
      ["stockUpdate", 7],
      ["orderPlaced", 3],
    ] as const) {
      test(`the same ${eventType} has one effect, however often and however written`, async () => {
        const productId = await create(5);
        const body = { eventType, productId, quantity: 2, timestamp: WHEN };
        const many = await Promise.all(Array.from({ length: 12 }, () => event(body)));
        expect(many.map(said)).toEqual(many.map(() => SUCCESS));
        const replayed = many.filter(({ headers }) => headers.has("idempotency-replayed"));
        expect(replayed).toHaveLength(11);
        const same = ["2024-11-21T10:15:30Z", "2024-11-21T12:15:30.0+02:00", "2024-11-21T10:15:30"];
        for (const timestamp of same) {
          const again = { timestamp, quantity: 2, productId, eventType, extra: timestamp };
          expect(said(await event(again))).toEqual(SUCCESS);
        }
        expect(await stock(productId)).toMatchObject({ quantity: left });
      });
    }

    test("another type, product, quantity or time is another event, to the last digit", async () => {
      const productId = await create(50);
      const body = { eventType: "stockUpdate", productId, quantity: 1, timestamp: WHEN };
      await event(body);
      const others = [
        { ...body, quantity: 2 },
        { ...body, timestamp: "2024-11-21T10:15:30.0001Z" },
        { ...body, timestamp: "2024-11-21T10:15:30.00011Z" },
        { ...body, timestamp: "2024-11-21" },
        { ...body, eventType: "orderPlaced" },
      ];
      for (const other of others) {
        const { headers } = await event(other);
        expect(headers.get("idempotency-replayed")).toBeNull();
      }
      expect(await stock(productId)).toMatchObject({ quantity: 50 + 1 + 2 + 1 + 1 + 1 - 1 });
      const elsewhere = await create(1);
      await event({ ...body, productId: elsewhere });
      expect(await stock(elsewhere)).toMatchObject({ quantity: 2 });
    });

    test("an event that was refused may succeed later", async () => {
      const productId = await create(1);
      const body = { eventType: "orderPlaced", productId, quantity: 2, timestamp: WHEN };
      expect(said(await event(body))).toEqual(NOT_AVAILABLE);
      await event({ ...body, eventType: "stockUpdate" });
      expect(said(await event(body))).toEqual(SUCCESS);
      expect(await stock(productId)).toMatchObject({ quantity: 1 });
    });

    test("an Idempotency-Key holds beside the event", async () => {
      const productId = await create(5);
      const body = { eventType: "stockUpdate", productId, quantity: 1, timestamp: WHEN };
      const later = { ...body, timestamp: "2024-11-21T10:15:31Z" };
      const key = `key of ${productId}`;
      const first = await event(body, key);
      expect(first.headers.get("idempotency-replayed")).toBeNull();
      for (const again of [key, `other ${key}`, undefined]) {
        const answer = await event(body, again);
        expect(said(answer)).toEqual(SUCCESS);
        expect(answer.headers.get("idempotency-replayed")).toBe("true");
      }
      expect(said(await event(later, key))).toEqual({
        status: 422,
        body: {
          message: "this Idempotency-Key was used with another body",
          error: "Unprocessable Entity",
          statusCode: 422,
        },
      });
      expect(await stock(productId)).toMatchObject({ quantity: 6 });
    });

    test("a key that came with a known event is free for another, and then bound to that", async () => {
      const productId = await create(5);
      const known = { eventType: "stockUpdate", productId, quantity: 1, timestamp: WHEN };
      const other = { ...known, timestamp: "2024-11-21T10:15:31Z" };
      const key = `second key of ${productId}`;
      await event(known);
      const repeated = await event(known, key);
      expect(said(repeated)).toEqual(SUCCESS);
      expect(repeated.headers.get("idempotency-replayed")).toBe("true");
      const fresh = await event(other, key);
      expect(said(fresh)).toEqual(SUCCESS);
      expect(fresh.headers.get("idempotency-replayed")).toBeNull();
      expect((await event(known, key)).status).toBe(422);
      expect(await stock(productId)).toMatchObject({ quantity: 7 });
    });

    test("a stockUpdate of more than a product may have is 409, and changes nothing", async () => {
      const productId = await create(STOCK_MAX);
      const body = { eventType: "stockUpdate", productId, quantity: 1, timestamp: WHEN };
      expect(said(await event(body))).toEqual({
        status: 409,
        body: {
          message: "no more units of this product can be kept",
          error: "Conflict",
          statusCode: 409,
        },
      });
      expect(await stock(productId)).toMatchObject({ quantity: STOCK_MAX });
    });

    test("an unknown product is 601", async () => {
      for (const eventType of ["stockUpdate", "orderPlaced"]) {
        const body = { eventType, productId: "NONE", quantity: 1, timestamp: WHEN };
        expect(said(await event(body))).toEqual(UNKNOWN);
      }
    });

    const LIST = "must be one of the following values: stockUpdate, orderPlaced";
    const refused: readonly [object, string][] = [
      [{ eventType: undefined }, "eventType should not be empty"],
      [{ eventType: "stockLost" }, `eventType ${LIST}`],
      [{ eventType: 1 }, `eventType ${LIST}`],
      [{ productId: undefined }, "productId should not be empty"],
      [{ productId: 123 }, "productId must be a string"],
      [
        { productId: "{x}" },
        "productId must be 1-64 letters, digits and _.-, starting with a letter or digit",
      ],
      [{ timestamp: undefined }, "timestamp should not be empty"],
      [{ timestamp: "yesterday" }, "timestamp must be a valid ISO 8601 date string"],
      [{ timestamp: "2024-02-30T00:00:00Z" }, "timestamp must be a valid ISO 8601 date string"],
      [{ timestamp: 1732184130000 }, "timestamp must be a valid ISO 8601 date string"],
      [
        { timestamp: `2024-11-21T10:15:30.${"1".repeat(64)}Z` },
        "timestamp must be a valid ISO 8601 date string",
      ],
    ];
    for (const [wrong, message] of refused) {
      test(`refuses ${JSON.stringify(wrong)}: ${message}`, async () => {
        const body = { eventType: "stockUpdate", productId: "123", quantity: 1, timestamp: WHEN };
        expect(said(await event({ ...body, ...wrong }))).toEqual(invalid(message));
      });
    }

    test("names every field that is wrong", async () => {
      expect(said(await event({ quantity: -1 }))).toEqual(
        invalid(
          "eventType should not be empty",
          "productId should not be empty",
          "quantity must be a positive number",
          "timestamp should not be empty",
        ),
      );
    });
  });
}

test("the same event and the same order under the other base are no others", async () => {
  const productId = await create(5);
  const body = { eventType: "stockUpdate", productId, quantity: 1, timestamp: WHEN };
  await call("POST", "/inventory/update-stock", body, "one");
  await call("POST", "/v1/api/inventory/update-stock", body, "one");
  const order = { orderId: "o1", quantity: 2 };
  await call("PUT", `/inventory/reserve-order/${productId}`, order);
  await call("PUT", `/v1/api/inventory/reserve-order/${productId}`, order);
  expect(await stock(productId)).toMatchObject({ quantity: 4, reserved: 2 });
});

test("what falls to its threshold is on the list of low stock, and movements say the event's time", async () => {
  const productId = await create(12);
  const body = { eventType: "orderPlaced", productId, quantity: 3, timestamp: WHEN };
  await call("POST", "/inventory/update-stock", body);
  const low = await service.call("GET", "/api/inventory/low-stock", { as: "admin" });
  expect(low.body).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ productId, availableStock: 9 })]),
  });
  const path = `/api/inventory/product/${productId}/movements`;
  const { body: movements } = await service.call("GET", path, { as: "admin" });
  expect(movements).toMatchObject({
    movements: [
      { type: "SALE", quantity: -3, reference: "2024-11-21T10:15:30Z" },
      { type: "INITIAL" },
    ],
  });
  expect(JSON.stringify(movements)).toContain("service:anonymous@nestjs");
});
