import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nestjs } from "#compat/nestjs/router";
import {
  BASES,
  invalid,
  NO_MORE,
  NOT_AVAILABLE,
  said,
  serveNest,
  START_MS_MAX,
  SUCCESS,
  UNKNOWN,
  type NestService,
} from "./nestjs-service.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

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
  const reserve = (id: string, body: object, key?: string) =>
    call("PUT", `${base}/reserve-order/${id}`, body, key);
  const cancel = (id: string, body: object, key?: string) =>
    call("PUT", `${base}/cancel-reservation/${id}`, body, key);

  describe(`${base}/reserve-order and cancel-reservation`, () => {
    test("hold units of an order, and give a part or all of them back", async () => {
      const id = await create(5);
      expect(said(await reserve(id, { orderId: "o1", quantity: 3 }))).toEqual(SUCCESS);
      expect(await stock(id)).toMatchObject({ quantity: 2, reserved: 3 });
      expect(said(await cancel(id, { orderId: "o1", quantity: 1 }))).toEqual(SUCCESS);
      expect(await stock(id)).toMatchObject({ quantity: 3, reserved: 2 });
      expect(said(await cancel(id, { orderId: "o1", quantity: 3 }))).toEqual(NO_MORE);
      expect(await stock(id)).toMatchObject({ quantity: 3, reserved: 2 });
      expect(said(await cancel(id, { orderId: "o1", quantity: 2 }))).toEqual(SUCCESS);
      expect(said(await cancel(id, { orderId: "o1", quantity: 1 }))).toEqual(NO_MORE);
      expect(await stock(id)).toMatchObject({ quantity: 5, reserved: 0 });
      expect(said(await reserve(id, { orderId: "o1", quantity: 5 }))).toEqual(SUCCESS);
      expect(await stock(id)).toMatchObject({ quantity: 0, reserved: 5 });
    });

    test("the same order again: one effect; another quantity replaces what it holds", async () => {
      const id = await create(5);
      for (const quantity of [3, 3, 5, 2, 2]) {
        expect(said(await reserve(id, { orderId: "o1", quantity }))).toEqual(SUCCESS);
        expect(await stock(id)).toMatchObject({ quantity: 5 - quantity, reserved: quantity });
      }
      expect(said(await reserve(id, { orderId: "o1", quantity: 6 }))).toEqual(NOT_AVAILABLE);
      expect(await stock(id)).toMatchObject({ quantity: 3, reserved: 2 });
      await reserve(id, { orderId: "o2", quantity: 1 });
      expect(await stock(id)).toMatchObject({ quantity: 2, reserved: 3 });
    });

    test("asks again for what a part was given back of: the whole is held again", async () => {
      const id = await create(5);
      await reserve(id, { orderId: "o1", quantity: 4 });
      await cancel(id, { orderId: "o1", quantity: 1 });
      await reserve(id, { orderId: "o1", quantity: 4 });
      expect(await stock(id)).toMatchObject({ quantity: 1, reserved: 4 });
    });

    test("never oversell when 20 orders race for 5 units", async () => {
      const id = await create(5);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => reserve(id, { orderId: `o${i}`, quantity: 1 })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
      const losers = answers.filter(({ status }) => status !== 200).map(said);
      expect(losers).toEqual(losers.map(() => NOT_AVAILABLE));
      expect(await stock(id)).toMatchObject({ quantity: 0, reserved: 5 });
    });

    test("never touch a hold made otherwise", async () => {
      const id = await create(5);
      const path = `/api/inventory/product/${id}/reserve`;
      const body = { quantity: 2, orderId: "o1" };
      expect((await service.call("POST", path, { body, as: "service" })).status).toBe(201);
      expect(said(await cancel(id, { orderId: "o1", quantity: 1 }))).toEqual(NO_MORE);
      await reserve(id, { orderId: "o1", quantity: 3 });
      expect(await stock(id)).toMatchObject({ quantity: 0, reserved: 5 });
    });

    test("of an order that was confirmed through contract A, where it has no end: reserving is 409", async () => {
      const id = await create(5);
      const orderId = `confirmed ${id}`;
      await reserve(id, { orderId, quantity: 3 });
      const inventory = "/api/inventory";
      const query = `?orderId=${encodeURIComponent(orderId)}`;
      const list = await service.call("GET", `${inventory}/reservations${query}`, { as: "admin" });
      const [held] = Object(list.body).items;
      expect(held).toMatchObject({ status: "ACTIVE", quantity: 3, expiresAt: null });
      const own = `${inventory}/reservation/${held.reservationId}`;
      const longer = { body: { minutes: 5 }, as: "admin" } as const;
      const error = "minutes cannot be given to a standing hold, which never ends by itself";
      expect(await service.call("POST", `${own}/extend`, longer)).toMatchObject({
        status: 400,
        body: { code: "validation_failed", message: error },
      });
      const confirm = `${own}/confirm`;
      expect((await service.call("POST", confirm, { body: {}, as: "admin" })).status).toBe(200);
      expect(await stock(id)).toMatchObject({ quantity: 2, reserved: 0 });
      const message = "the order's stock is sold already";
      expect(said(await reserve(id, { orderId, quantity: 1 }))).toEqual({
        status: 409,
        body: { message, error: "Conflict", statusCode: 409 },
      });
      expect(said(await cancel(id, { orderId, quantity: 1 }))).toEqual(NO_MORE);
      expect(await stock(id)).toMatchObject({ quantity: 2, reserved: 0 });
    });

    test("take an Idempotency-Key", async () => {
      const id = await create(9);
      await reserve(id, { orderId: "o1", quantity: 5 }, "r");
      for (const replayed of [null, "true"]) {
        const answer = await cancel(id, { orderId: "o1", quantity: 2 }, "c");
        expect(said(answer)).toEqual(SUCCESS);
        expect(answer.headers.get("idempotency-replayed")).toBe(replayed);
      }
      const repeat = await reserve(id, { orderId: "o1", quantity: 5 }, "r");
      expect(repeat.headers.get("idempotency-replayed")).toBe("true");
      expect(await stock(id)).toMatchObject({ quantity: 6, reserved: 3 });
      expect((await cancel(id, { orderId: "o1", quantity: 1 }, "c")).status).toBe(422);
      expect((await reserve(id, { orderId: "o1", quantity: 6 }, "r")).status).toBe(422);
      expect(await stock(id)).toMatchObject({ quantity: 6, reserved: 3 });
    });

    for (const id of ["NONE", "a b", "-x", "x".repeat(65), "cart"]) {
      test(`say 601 of ${id.slice(0, 8)}`, async () => {
        const body = { orderId: "o1", quantity: 1 };
        const path = encodeURIComponent(id);
        expect(said(await reserve(path, body))).toEqual(UNKNOWN);
        expect(said(await cancel(path, body))).toEqual(UNKNOWN);
        expect(said(await call("GET", `${base}/stock-levels/${path}`))).toEqual(UNKNOWN);
      });
    }

    const refused: readonly [object, string][] = [
      [{ orderId: undefined }, "orderId should not be empty"],
      [{ orderId: "" }, "orderId should not be empty"],
      [{ orderId: 5 }, "orderId must be a string"],
      [{ orderId: "x".repeat(129) }, "orderId must be shorter than or equal to 128 characters"],
      [{ orderId: "a\nb" }, "orderId must be printable characters"],
      [{ quantity: undefined }, "quantity should not be empty"],
      [{ quantity: null }, "quantity should not be empty"],
      [{ quantity: 0 }, "quantity must be a positive number"],
      [{ quantity: -1 }, "quantity must be a positive number"],
      [{ quantity: 1.5 }, "quantity must be an integer number"],
      [{ quantity: "5" }, "quantity must be a number conforming to the specified constraints"],
      [{ quantity: 1_000_000_001 }, "quantity must not be greater than 1000000000"],
    ];
    for (const [wrong, message] of refused) {
      test(`refuse ${JSON.stringify(wrong).slice(0, 40)}: ${message}`, async () => {
        const id = await create(2);
        const body = { orderId: "o1", quantity: 1, ...wrong };
        expect(said(await reserve(id, body))).toEqual(invalid(message));
        expect(said(await cancel(id, body))).toEqual(invalid(message));
        expect(await stock(id)).toMatchObject({ quantity: 2, reserved: 0 });
      });
    }

    test("refuse what is no JSON object, in Nest's words", async () => {
      const message = "the body is not valid JSON";
      expect(said(await call("PUT", `${base}/reserve-order/123`, "{"))).toEqual({
        status: 400,
        body: { message, error: "Bad Request", statusCode: 400 },
      });
      const list = await call("PUT", `${base}/reserve-order/123`, "[1]");
      expect(said(list)).toEqual(invalid("the body must be an object"));
      const text = { headers: { "content-type": "text/plain" }, body: "{}" };
      expect(said(await service.call("PUT", `${base}/reserve-order/123`, text))).toEqual(
        invalid("the body must be sent as application/json"),
      );
      const huge = { orderId: "o1", quantity: 1, extra: "x".repeat(65 * 1024) };
      expect(await call("PUT", `${base}/reserve-order/123`, huge)).toMatchObject({
        status: 413,
        body: { error: "Payload Too Large", statusCode: 413 },
      });
    });
  });

  test(`under ${base} an unknown path is 404, and a wrong method 405, in Nest's words`, async () => {
    for (const path of [`${base}/stock-levels`, `${base}/update-stock/1/2`]) {
      expect(said(await call("GET", path))).toEqual({
        status: 404,
        body: { message: `Cannot GET ${path}`, error: "Not Found", statusCode: 404 },
      });
    }
    const wrong = await call("DELETE", `${base}/update-stock`);
    expect(said(wrong)).toEqual({
      status: 405,
      body: {
        message: "this path takes POST, OPTIONS",
        error: "Method Not Allowed",
        statusCode: 405,
      },
    });
    expect(wrong.headers.get("allow")).toBe("POST, OPTIONS");
  });
}

describe("GET stock-levels", () => {
  test("answers the sample product of the document, plain and wrapped", async () => {
    const plain = await call("GET", "/inventory/stock-levels/123");
    const lastUpdated = expect.stringMatching(TIME);
    expect(said(plain)).toEqual({
      status: 200,
      body: { productId: "123", quantity: 5, lastUpdated },
    });
    const wrapped = await call("GET", "/v1/api/inventory/stock-levels/123");
    const times = { createdAt: lastUpdated, updatedAt: lastUpdated };
    expect(said(wrapped)).toEqual({
      status: 200,
      body: { data: { productId: "123", quantity: 5, reserved: 0, ...times } },
    });
  });
});

test("lastUpdated is when the product last changed, in either form", async () => {
  const id = await create(5);
  const product = `/api/inventory/product/${id}`;
  const times: unknown[] = [];
  for (const change of [
    () => call("PUT", `/inventory/reserve-order/${id}`, { orderId: "o1", quantity: 1 }),
    () => call("PUT", `/inventory/cancel-reservation/${id}`, { orderId: "o1", quantity: 1 }),
  ]) {
    expect(said(await change())).toEqual(SUCCESS);
    const { body } = await service.call("GET", product);
    const { updatedAt, createdAt } = Object(body);
    times.push(updatedAt);
    const plain = await call("GET", `/inventory/stock-levels/${id}`);
    expect(plain.body).toMatchObject({ lastUpdated: updatedAt });
    expect(await stock(id)).toMatchObject({ updatedAt, createdAt });
  }
  expect(new Set(times).size).toBe(2);
});

describe("X-Correlation-ID", () => {
  const paths = [
    ["GET", "/inventory/stock-levels/123", 200],
    ["GET", "/inventory/stock-levels/NONE", 400],
    ["PUT", "/inventory/reserve-order/123", 400],
    ["GET", "/v1/api/inventory/nothing", 404],
    ["DELETE", "/v1/api/inventory/update-stock", 405],
  ] as const;
  for (const [method, path, status] of paths) {
    test(`is on ${status} of ${method} ${path}: echoed if it is sane, else new`, async () => {
      const ask = (id?: string) =>
        service.call(method, path, { headers: id === undefined ? {} : { "x-correlation-id": id } });
      const echoed = await ask("order-flow:7");
      expect(echoed.status).toBe(status);
      expect(echoed.headers.get("x-correlation-id")).toBe("order-flow:7");
      const fresh = await ask();
      expect(fresh.headers.get("x-correlation-id")).toBe(fresh.headers.get("x-request-id"));
      for (const odd of ["a b", "<script>", "x".repeat(129)]) {
        const id = (await ask(odd)).headers.get("x-correlation-id");
        expect(id).toMatch(/^[A-Za-z0-9-]{8,64}$/);
      }
    });
  }
});

describe("a word of its paths under /inventory names no product, for B could not reach it:", () => {
  const words = nestjs.prefixes.flatMap(
    (prefix) => /^\/inventory\/([^/]+)$/.exec(prefix)?.[1] ?? [],
  );
  test("there are four", () => expect(words).toHaveLength(4));

  test.each(words)("%s", async (word) => {
    for (const [path, body] of [
      ["productId", { productId: word, sku: "SKU-OF-A-WORD", initialStock: 1 }],
      ["sku", { productId: "named-by-a-word", sku: word, initialStock: 1 }],
    ] as const) {
      const initialized = await service.call("POST", "/api/inventory/initialize", {
        body,
        as: "admin",
      });
      const errors = [{ path, message: "is a word of ours and names nothing" }];
      expect(initialized).toMatchObject({
        status: 400,
        body: { code: "validation_failed", errors },
      });
    }
    const seen = await service.call("GET", `/inventory/stock-levels/${word}`);
    expect(said(seen)).toEqual(UNKNOWN);
  });
});
