import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Answered } from "#test/contract";
import {
  BASE,
  expectError,
  onOneConnection,
  serveEureka,
  type EurekaService,
} from "./eureka-service.ts";
import { until } from "#test/until";
import { version } from "#package.json";

const START_MS_MAX = 60_000;

const laptop = { id: 1, name: "Laptop", price: 999.99, category: "Electronics" };
let isProductServiceAway = false;
const productService = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    if (isProductServiceAway) return new Response("", { status: 503 });
    return Response.json(new URL(request.url).pathname === "/api/products" ? [laptop] : []);
  },
});

let service: EurekaService;
beforeAll(async () => {
  service = await serveEureka("inventory,eureka", {
    PRODUCT_SERVICE_URL: `http://127.0.0.1:${productService.port}`,
    ADVERTISE_HOST: "stock.example.com",
  });
}, START_MS_MAX);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await productService.stop(true);
});

describe("GET /info", () => {
  test("says which instance this is", async () => {
    const { status, body } = await service.call("GET", "/info");
    const instanceId = `stock.example.com:inventory-service:${new URL(service.url).port}`;
    expect({ status, body }).toEqual({
      status: 200,
      body: { service: "INVENTORY-SERVICE", instanceId, version },
    });
  });
});

describe("GET /api/inventory", () => {
  const stock = { productId: 1, quantity: 50, reserved: 0, location: "Warehouse A" };

  test("is a bare array with each product, which is left out while its service is away", async () => {
    const { status, body } = await service.call("GET", BASE);
    expect(status).toBe(200);
    expect(body).toEqual(
      expect.arrayContaining([
        { ...stock, product: laptop },
        { productId: 2, quantity: 200, reserved: 0, location: "Warehouse B" },
        { productId: 3, quantity: 75, reserved: 0, location: "Warehouse A" },
        { productId: 4, quantity: 30, reserved: 0, location: "Warehouse C" },
        { productId: "PROD001", quantity: 50, reserved: 0, location: "default" },
      ]),
    );
    isProductServiceAway = true;
    const isBare = async () => {
      const { body: later } = await service.call("GET", BASE);
      return Array.isArray(later) && later.some((item) => Bun.deepEquals(item, stock));
    };
    await until(isBare, { withinMs: 5_000, what: "the list has no products" });
    isProductServiceAway = false;
  });

  test("refuses a cursor that it did not give", async () => {
    const { status, body } = await service.call("GET", `${BASE}?cursor=x`);
    expect({ status, body }).toMatchObject({ status: 400, body: { code: "validation_failed" } });
  });

  test("has at most 1 000 rows, and a Link to those behind them", async () => {
    const products = Array.from({ length: 1_001 }, (_, index) => ({
      productId: `many-${index}`,
      sku: `many-${index}`,
      initialStock: 1,
    }));
    const bulks = [0, 500, 1_000].map((from) => {
      const body = { items: products.slice(from, from + 500) };
      return service.call("POST", `${BASE}/bulk/initialize`, { body, as: "admin" });
    });
    for (const { status } of await Promise.all(bulks)) expect(status).toBeLessThan(300);
    const ids = new Set<unknown>();
    let path: string | undefined = BASE;
    const counts: number[] = [];
    while (path !== undefined) {
      const { body, headers }: Answered = await service.call("GET", path);
      if (!Array.isArray(body)) throw new Error("no array");
      counts.push(body.length);
      for (const { productId } of body) ids.add(productId);
      path = /^<(.+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    }
    expect(counts.length).toBe(2);
    expect(counts[0]).toBe(1_000);
    expect(ids.size).toBe(counts.reduce((sum, length) => sum + length, 0));
    expect(ids.isSupersetOf(new Set(products.map(({ productId }) => productId)))).toBe(true);
  });
});

describe("GET /api/inventory/:productId", () => {
  test("answers the item, its id as a number", async () => {
    const { status, body } = await service.call("GET", `${BASE}/2`);
    const item = { productId: 2, quantity: 200, reserved: 0, location: "Warehouse B" };
    expect({ status, body }).toEqual({ status: 200, body: item });
  });

  for (const id of ["9999999", "01", "a b", "-1", "1.", "%00", "{1}", "x".repeat(65)]) {
    test(`says 404 of ${id.slice(0, 8)}`, async () => {
      const path = `${BASE}/${id.startsWith("%") ? id : encodeURIComponent(id)}`;
      expectError(await service.call("GET", path), 404, "Inventory item not found");
    });
  }

  test("serves a gateway that sends a body `{}`, and what comes next on the connection", async () => {
    const get = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
    const paths = [`${BASE}/4`, `${BASE}/3`, "/info"];
    const answers = await onOneConnection(service.url, paths.map(get));
    expect(answers.map((text) => text.slice(0, 15))).toEqual(paths.map(() => "HTTP/1.1 200 OK"));
    expect(answers[0]).toContain('"productId":4');
    expect(answers[1]).toContain('"productId":3');
    expect(answers[2]).toContain('"INVENTORY-SERVICE"');
  });
});

describe("PUT /api/inventory/:productId/quantity", () => {
  test("sets what is there, up, down and to nothing", async () => {
    const { id, path } = await service.create(10);
    for (const quantity of [25, 3, 0, 1_000_000_000_000]) {
      const { status, body } = await service.put(path, { quantity });
      const item = { productId: id, quantity, reserved: 0, location: "Warehouse A" };
      expect({ status, body }).toEqual({ status: 200, body: item });
    }
  });

  test("never takes what is held", async () => {
    const { path } = await service.create(10);
    await service.post(`${path}/reserve`, { quantity: 4 });
    expectError(await service.put(path, { quantity: 3 }), 409, "Quantity cannot be below reserved");
    expect((await service.put(path, { quantity: 4 })).body).toMatchObject({
      quantity: 4,
      reserved: 4,
    });
    expect((await service.post(`${path}/reserve`, { quantity: 1 })).status).toBe(400);
  });

  test("counts for the home alone where a product has several locations", async () => {
    const { path, id } = await service.create(10);
    const body = { quantity: 5, type: "RESTOCK", location: "Warehouse B" };
    const stock = `${BASE}/product/${id}/stock`;
    expect((await service.call("PATCH", stock, { body, as: "admin" })).status).toBe(200);
    expect((await service.put(path, { quantity: 1 })).body).toMatchObject({ quantity: 6 });
  });

  test("gives the first answer again under the same Idempotency-Key", async () => {
    const { path } = await service.create(7);
    await expectOneEffect(
      (body) => service.put(path, body, { "idempotency-key": "count" }),
      () => service.put(path, { quantity: 50 }),
    );
  });
});

describe("POST /api/inventory/:productId/reserve", () => {
  test("adds to what is held, and says what is left", async () => {
    const { id, path } = await service.create(10);
    const first = await service.post(`${path}/reserve`, { quantity: 3 });
    const item = { productId: id, quantity: 10, reserved: 3, location: "Warehouse A" };
    expect({ status: first.status, body: first.body }).toEqual({
      status: 200,
      body: { ...item, available: 7 },
    });
    const second = await service.post(`${path}/reserve`, { quantity: 3, orderId: 17 });
    expect(second.body).toEqual({ ...item, reserved: 6, available: 4 });
    expect((await service.call("GET", path)).body).toEqual({ ...item, reserved: 6 });
  });

  test("says what is there when that is not enough, and holds nothing", async () => {
    const { path } = await service.create(10);
    await service.post(`${path}/reserve`, { quantity: 4 });
    const answer = await service.post(`${path}/reserve`, { quantity: 7 });
    const more = { available: 6, requested: 7, code: "insufficient_stock" };
    expectError(answer, 400, "Insufficient inventory", more);
    expect((await service.call("GET", path)).body).toMatchObject({ quantity: 10, reserved: 4 });
  });

  test("gives the first answer again under the same Idempotency-Key", async () => {
    const { path } = await service.create(50);
    await expectOneEffect(
      (body) => service.post(`${path}/reserve`, body, { "idempotency-key": "hold" }),
      () => service.post(`${path}/reserve`, { quantity: 1 }),
    );
  });
});

describe.each(["release", "deduct"] as const)("POST /api/inventory/:productId/%s", (verb) => {
  const onHand = (before: number, drawn: number) => (verb === "deduct" ? before - drawn : before);

  test("draws on the standing hold of the product, part by part", async () => {
    const { id, path } = await service.create(10);
    await service.post(`${path}/reserve`, { quantity: 5 });
    const item = { productId: id, location: "Warehouse A" };
    for (const [drawn, held] of [
      [2, 3],
      [3, 0],
    ] as const) {
      const { status, body } = await service.post(`${path}/${verb}`, { quantity: drawn });
      const quantity = onHand(10, 5 - held);
      expect({ status, body }).toEqual({
        status: 200,
        body: { ...item, quantity, reserved: held },
      });
    }
    expect((await service.post(`${path}/reserve`, { quantity: 5 })).status).toBe(200);
  });

  test("of an order draws on that order's hold, in either form of its id", async () => {
    const { path } = await service.create(10);
    await service.post(`${path}/reserve`, { quantity: 5, orderId: 7 });
    await service.post(`${path}/reserve`, { quantity: 2, orderId: "8" });
    const answer = await service.post(`${path}/${verb}`, { quantity: 5, orderId: "7" });
    expect(answer.body).toMatchObject({ quantity: onHand(10, 5), reserved: 2 });
    const error = `Cannot ${verb} more than reserved`;
    expectError(await service.post(`${path}/${verb}`, { quantity: 1, orderId: 7 }), 400, error);
    // The order's hold is no hold of the product's own.
    expectError(await service.post(`${path}/${verb}`, { quantity: 1 }), 400, error);
    expectError(await service.post(`${path}/${verb}`, { quantity: 1, orderId: null }), 400, error);
  });

  test("of more than is held is refused and changes nothing", async () => {
    const { path } = await service.create(10);
    await service.post(`${path}/reserve`, { quantity: 5 });
    const more = { reserved: 5, requested: 6, code: "insufficient_stock" };
    const error = `Cannot ${verb} more than reserved`;
    expectError(await service.post(`${path}/${verb}`, { quantity: 6 }), 400, error, more);
    expect((await service.call("GET", path)).body).toMatchObject({ quantity: 10, reserved: 5 });
  });

  test("never draws on a reservation of contract A, of the same order", async () => {
    const { id, path } = await service.create(10);
    const body = { quantity: 4, orderId: "17" };
    const own = `${BASE}/product/${id}/reserve`;
    const made = await service.call("POST", own, { body, as: "service" });
    expect(made.status).toBe(201);
    await service.post(`${path}/reserve`, { quantity: 2, orderId: 17 });
    const error = `Cannot ${verb} more than reserved`;
    expectError(await service.post(`${path}/${verb}`, { quantity: 3, orderId: 17 }), 400, error);
    expect((await service.post(`${path}/${verb}`, { quantity: 2, orderId: 17 })).status).toBe(200);
    expectError(await service.post(`${path}/${verb}`, { quantity: 1, orderId: 17 }), 400, error);
    const again = await service.call("POST", own, { body, as: "service" });
    expect(again.body).toEqual(made.body);
    expect((await service.call("GET", path)).body).toMatchObject({ reserved: 4 });
  });

  test("gives the first answer again under the same Idempotency-Key", async () => {
    const { path } = await service.create(50);
    await service.post(`${path}/reserve`, { quantity: 20 });
    await expectOneEffect(
      (body) => service.post(`${path}/${verb}`, body, { "idempotency-key": verb }),
      () => service.post(`${path}/${verb}`, { quantity: 1 }),
    );
  });
});

test("contract A's own paths stay A's, under the same base", async () => {
  const { status, body } = await service.call("GET", `${BASE}/product/3`);
  expect({ status, body }).toMatchObject({ status: 200, body: { productId: "3", totalStock: 75 } });
  expect((await service.call("GET", `${BASE}/products`)).status).toBe(401);
});

/** The same key and body again: the first answer, whatever was done between. */
async function expectOneEffect(
  once: (body: { quantity: number }) => Promise<Answered>,
  other: () => Promise<Answered>,
): Promise<void> {
  const first = await once({ quantity: 10 });
  expect(first.status).toBe(200);
  expect(first.headers.get("idempotency-replayed")).toBeNull();
  const between = await other();
  expect(between.status).toBe(200);
  expect(between.body).not.toEqual(first.body);
  const again = await once({ quantity: 10 });
  expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
  expect(again.headers.get("idempotency-replayed")).toBe("true");
  expect((await once({ quantity: 9 })).status).toBe(422);
}
