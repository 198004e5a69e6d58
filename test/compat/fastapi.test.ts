import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { fastapi } from "#compat/fastapi/router";
import { serveContracts, type ContractService } from "#test/contract";
import { openApp } from "#test/http-app";
import { productOf } from "#test/ports-double";

const START_MS_MAX = 60_000;
const STOCK_MAX = 1_000_000_000_000;
const List = z.object({ count: z.int(), products: z.array(z.object({ product_id: z.string() })) });
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let service: ContractService;
beforeAll(async () => {
  service = await serveContracts("fastapi");
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

let made = 0;
/** A product of its own for each test. */
async function create(quantity: number): Promise<string> {
  made += 1;
  const product_id = `NEW${made}`;
  const body = { product_id, name: "Mechanical Keyboard", quantity, price: 129.99 };
  expect((await service.call("POST", "/inventory", { body })).status).toBe(200);
  return `/inventory/${product_id}`;
}

describe("GET /health", () => {
  test("answers as contract A does", async () => {
    const { status, body } = await service.call("GET", "/health");
    const timestamp = expect.stringMatching(TIME);
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: "healthy", service: "inventory-service", timestamp },
    });
  });
});

describe("GET /inventory", () => {
  test("lists the products of the document", async () => {
    const { status, body } = await service.call("GET", "/inventory");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      products: expect.arrayContaining([
        { product_id: "PROD001", name: "Wireless Headphones", quantity: 50, price: 79.99 },
        { product_id: "PROD002", name: "USB-C Charger", quantity: 100, price: 29.99 },
        { product_id: "PROD003", name: "Bluetooth Speaker", quantity: 30, price: 149.99 },
        { product_id: "PROD004", name: "Laptop Stand", quantity: 25, price: 49.99 },
        { product_id: "PROD005", name: "Webcam 1080p", quantity: 40, price: 89.99 },
      ]),
    });
  });
});

describe("GET /inventory/{id}", () => {
  test("answers the product without an envelope", async () => {
    const { status, body } = await service.call("GET", "/inventory/PROD002");
    const product = { product_id: "PROD002", name: "USB-C Charger", quantity: 100, price: 29.99 };
    expect({ status, body }).toEqual({ status: 200, body: product });
  });

  test("of a product that was made elsewhere has its id for a name, and the price 0", async () => {
    const product = async () => productOf({ name: null, price: null });
    const { send } = openApp({ contracts: [fastapi], store: { product } });
    const { status, body } = await send("/inventory/p1");
    expect({ status, body }).toMatchObject({ status: 200, body: { name: "p1", price: 0 } });
  });

  for (const id of ["NONE", "a b", "-x", "x".repeat(65)]) {
    test(`says 404 of ${id.slice(0, 8)}`, async () => {
      const { status, body } = await service.call("GET", `/inventory/${encodeURIComponent(id)}`);
      expect({ status, body }).toEqual({
        status: 404,
        body: { detail: `Product ${id} not found` },
      });
    });
  }
});

describe("PUT /inventory/{id}/reserve", () => {
  test("takes the units for good, and tells before and after", async () => {
    const path = await create(50);
    const { status, body } = await service.call("PUT", `${path}/reserve`, {
      body: { quantity: 5 },
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        product_id: path.slice("/inventory/".length),
        name: "Mechanical Keyboard",
        previous_quantity: 50,
        reserved_quantity: 5,
        remaining_quantity: 45,
        timestamp: expect.stringMatching(TIME),
      },
    });
    expect((await service.call("GET", path)).body).toMatchObject({ quantity: 45 });
  });

  test("says what is there when that is not enough, and takes nothing", async () => {
    const path = await create(45);
    const { status, body } = await service.call("PUT", `${path}/reserve`, {
      body: { quantity: 500 },
    });
    const detail = "Insufficient stock. Available: 45, Requested: 500";
    expect({ status, body }).toEqual({ status: 400, body: { detail } });
    expect((await service.call("GET", path)).body).toMatchObject({ quantity: 45 });
  });

  test("answers 404 for an unknown product", async () => {
    const { status, body } = await service.call("PUT", "/inventory/NONE/reserve", {
      body: { quantity: 1 },
    });
    expect({ status, body }).toEqual({ status: 404, body: { detail: "Product NONE not found" } });
  });

  test("gives the first answer again under the same Idempotency-Key, and 422 for another body", async () => {
    const path = await create(50);
    const headers = { "idempotency-key": "once" };
    const call = (quantity: number) =>
      service.call("PUT", `${path}/reserve`, { body: { quantity }, headers });
    const first = await call(5);
    const again = await call(5);
    expect(again.body).toEqual(first.body);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect((await call(6)).status).toBe(422);
    expect((await service.call("GET", path)).body).toMatchObject({ quantity: 45 });
  });

  const input = (quantity: unknown, type: string, msg: string) =>
    [{ quantity }, { type, loc: ["body", "quantity"], msg, input: quantity }] as const;
  const refused = [
    [{}, { type: "missing", loc: ["body", "quantity"], msg: "Field required", input: {} }],
    input(0, "greater_than", "Input should be greater than 0"),
    input(-1, "greater_than", "Input should be greater than 0"),
    input("5", "int_type", "Input should be a valid integer"),
    input(null, "int_type", "Input should be a valid integer"),
    input(
      1.5,
      "int_from_float",
      "Input should be a valid integer, got a number with a fractional part",
    ),
    input(1_000_000_001, "less_than_equal", "Input should be less than or equal to 1000000000"),
  ] as const;
  for (const [body, detail] of refused) {
    test(`refuses ${JSON.stringify(body)} and takes nothing`, async () => {
      const path = await create(9);
      const answer = await service.call("PUT", `${path}/reserve`, { body });
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: 422,
        body: { detail: [detail] },
      });
      expect((await service.call("GET", path)).body).toMatchObject({ quantity: 9 });
    });
  }
});

describe("PUT /inventory/{id}/replenish", () => {
  test("adds the units, and tells before and after", async () => {
    const path = await create(50);
    const { status, body } = await service.call("PUT", `${path}/replenish`, {
      body: { quantity: 100 },
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        product_id: path.slice("/inventory/".length),
        name: "Mechanical Keyboard",
        previous_quantity: 50,
        replenished_quantity: 100,
        new_quantity: 150,
        timestamp: expect.stringMatching(TIME),
      },
    });
  });

  test("answers 404 for an unknown product", async () => {
    const { status, body } = await service.call("PUT", "/inventory/NONE/replenish", {
      body: { quantity: 1 },
    });
    expect({ status, body }).toEqual({ status: 404, body: { detail: "Product NONE not found" } });
  });

  test("says 400 where a product would have more than it may, and adds nothing", async () => {
    const path = await create(STOCK_MAX - 1);
    const { status, body } = await service.call("PUT", `${path}/replenish`, {
      body: { quantity: 2 },
    });
    const detail = `Stock limit reached. On hand: ${STOCK_MAX - 1}`;
    expect({ status, body }).toEqual({ status: 400, body: { detail } });
    expect((await service.call("GET", path)).body).toMatchObject({ quantity: STOCK_MAX - 1 });
  });
});

describe("POST /inventory", () => {
  const product = { product_id: "PROD006", name: "Product Name", quantity: 50, price: 99.99 };

  test("adds the product of the document once", async () => {
    const first = await service.call("POST", "/inventory", { body: product });
    expect({ status: first.status, body: first.body }).toEqual({
      status: 200,
      body: { message: "Product added successfully", product },
    });
    const again = await service.call("POST", "/inventory", { body: product });
    expect({ status: again.status, body: again.body }).toEqual({
      status: 400,
      body: { detail: "Product PROD006 already exists" },
    });
  });

  test("ignores fields that it does not know", async () => {
    const body = { ...product, product_id: "PROD007", colour: "red" };
    expect((await service.call("POST", "/inventory", { body })).status).toBe(200);
  });

  test("names every field that is wrong", async () => {
    const body = { product_id: "{x}", name: "", quantity: "many" };
    const { status, body: answer } = await service.call("POST", "/inventory", { body });
    expect(status).toBe(422);
    expect(answer).toMatchObject({
      detail: expect.arrayContaining([
        expect.objectContaining({ loc: ["body", "product_id"], type: "string_pattern_mismatch" }),
        expect.objectContaining({ loc: ["body", "name"], type: "string_too_short" }),
        expect.objectContaining({ loc: ["body", "quantity"], type: "int_type" }),
        expect.objectContaining({ loc: ["body", "price"], type: "missing" }),
      ]),
    });
  });
});

describe("GET /inventory/{id}/status", () => {
  const statuses: [number, string][] = [
    [0, "out_of_stock"],
    [1, "low_stock"],
    [9, "low_stock"],
    [10, "in_stock"],
  ];
  for (const [quantity, status] of statuses) {
    test(`calls ${quantity} units ${status}`, async () => {
      const path = await create(quantity);
      const { body } = await service.call("GET", `${path}/status`);
      expect(body).toEqual({
        product_id: path.slice("/inventory/".length),
        name: "Mechanical Keyboard",
        quantity,
        status,
        timestamp: expect.stringMatching(TIME),
      });
    });
  }
});

test("a body that is not sent as JSON is 422 model_attributes_type", async () => {
  const headers = { "content-type": "text/plain" };
  const { status, body } = await service.call("POST", "/inventory", { body: "{}", headers });
  expect(status).toBe(422);
  expect(body).toMatchObject({ detail: [{ type: "model_attributes_type", loc: ["body"] }] });
});

test("malformed JSON is 422 json_invalid", async () => {
  const { status, body } = await service.call("POST", "/inventory", { body: "{" });
  expect(status).toBe(422);
  expect(body).toMatchObject({ detail: [{ type: "json_invalid", loc: ["body", 0] }] });
});

test("what nobody serves is 404 Not Found, a wrong method 405 Method Not Allowed", async () => {
  for (const path of ["/nowhere", "/inventory/PROD001/nothing", "/api/inventory/product/1"]) {
    const { status, body } = await service.call("GET", path);
    expect({ status, body }).toEqual({ status: 404, body: { detail: "Not Found" } });
  }
  const { status, body } = await service.call("DELETE", "/inventory/PROD001");
  expect({ status, body }).toEqual({ status: 405, body: { detail: "Method Not Allowed" } });
});

describe("GET /inventory of more than 1 000 products", () => {
  test("has 1 000 and says so, with a Link to the rest", async () => {
    const paths: string[] = [];
    while (paths.length < 1_001) {
      const part = Array.from({ length: Math.min(200, 1_001 - paths.length) }, () => create(1));
      paths.push(...(await Promise.all(part)));
    }
    const counts: number[] = [];
    const seen = new Set<string>();
    let next: string | undefined = "/inventory";
    while (next !== undefined) {
      const { body, headers } = await service.call("GET", next);
      const { count, products } = List.parse(body);
      expect(count).toBe(products.length);
      counts.push(count);
      for (const { product_id } of products) seen.add(product_id);
      next = /^<(.+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    }
    expect(counts[0]).toBe(1_000);
    expect(counts).toHaveLength(2);
    expect(seen.size).toBe(counts.reduce((sum, count) => sum + count, 0));
    const ids = paths.map((path) => path.slice("/inventory/".length));
    expect(seen.isSupersetOf(new Set(ids))).toBe(true);
  });

  test("says how far behind the ledger is when it did not catch up", async () => {
    const positions = async () => [{ partition: 0, seq: 12, drained: 9 }];
    const { send } = openApp({
      contracts: [fastapi],
      store: { positions },
      config: { requestDeadlineMs: 50 },
    });
    const { status, headers } = await send("/inventory");
    expect([status, headers.get("ledger-lag")]).toEqual([200, "3"]);
  });
});
