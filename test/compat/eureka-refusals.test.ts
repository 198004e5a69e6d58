/** What contract C, served alone, says of calls that cannot be. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eureka } from "#compat/eureka/router";
import { BASE, expectError, serveEureka, type EurekaService } from "./eureka-service.ts";
import { openApp } from "#test/http-app";

const START_MS_MAX = 60_000;

let service: EurekaService;
beforeAll(async () => {
  service = await serveEureka("eureka");
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

describe("PUT /api/inventory/:productId/quantity", () => {
  const wrong: readonly [unknown, string][] = [
    [{ quantity: -1 }, "Quantity cannot be negative"],
    [{ quantity: -0.5 }, "Quantity cannot be negative"],
    [{ quantity: 1.5 }, "quantity must be a whole number"],
    [{ quantity: "5" }, "quantity must be a number"],
    [{ quantity: null }, "quantity must be a number"],
    [{ quantity: 1_000_000_000_001 }, "quantity must be at most 1000000000000"],
    [{}, "quantity is required"],
    [[], "must be an object"],
    [null, "must be an object"],
  ];
  for (const [body, error] of wrong) {
    test(`refuses ${JSON.stringify(body)} and changes nothing`, async () => {
      const { path } = await service.create(7);
      expectError(await service.put(path, body), 400, error, { code: "validation_failed" });
      expect((await service.call("GET", path)).body).toMatchObject({ quantity: 7 });
    });
  }

  test("answers 404 for a product that is not there", async () => {
    expectError(
      await service.put(`${BASE}/none`, { quantity: 1 }),
      404,
      "Inventory item not found",
    );
  });
});

describe.each(["reserve", "release", "deduct"] as const)("the body of %s", (verb) => {
  const wrong: readonly [unknown, string][] = [
    [{ quantity: 0 }, "quantity must be at least 1"],
    [{ quantity: -1 }, "Quantity cannot be negative"],
    [{ quantity: 1.5 }, "quantity must be a whole number"],
    [{ quantity: "5" }, "quantity must be a number"],
    [{ quantity: 1_000_000_001 }, "quantity must be at most 1000000000"],
    [{ orderId: 1 }, "quantity is required"],
    [{ quantity: 1, orderId: [] }, "orderId must be a text or a whole number below 2^53"],
    [{ quantity: 1, orderId: "" }, "orderId must not be empty"],
    ["[1]", "must be an object"],
  ];
  for (const [body, error] of wrong) {
    test(`that is ${JSON.stringify(body)} is refused and changes nothing`, async () => {
      const { path } = await service.create(7);
      await service.post(`${path}/reserve`, { quantity: 2 });
      expectError(await service.post(`${path}/${verb}`, body), 400, error, {
        code: "validation_failed",
      });
      expect((await service.call("GET", path)).body).toMatchObject({ quantity: 7, reserved: 2 });
    });
  }

  test("of a product that is not there is 404", async () => {
    const answer = await service.post(`${BASE}/none/${verb}`, { quantity: 1 });
    expectError(answer, 404, "Inventory item not found");
  });
});

describe("POST /api/inventory", () => {
  const REQUIRED = "ProductId and quantity are required";
  const wrong: readonly [unknown, string][] = [
    [{}, REQUIRED],
    [{ productId: 601 }, REQUIRED],
    [{ quantity: 1 }, REQUIRED],
    [{ productId: 601, quantity: null }, REQUIRED],
    [[], REQUIRED],
    ["null", REQUIRED],
    [{ productId: 601, quantity: -1 }, "Quantity cannot be negative"],
    [{ productId: 601, quantity: "1" }, "quantity must be a number"],
    [{ productId: -1, quantity: 1 }, "productId must be at least 0"],
    [{ productId: 1.5, quantity: 1 }, "productId must be a text or a whole number below 2^53"],
    [{ productId: 2 ** 53, quantity: 1 }, "productId must be at most 9007199254740991"],
    [
      { productId: "{x}", quantity: 1 },
      "productId must be 1-64 letters, digits and _.-, starting with a letter or digit",
    ],
    [
      { productId: 601, quantity: 1, location: "" },
      "location must be 1-64 letters, digits, spaces and _.-, without spaces at the ends",
    ],
  ];
  for (const [body, error] of wrong) {
    test(`refuses ${JSON.stringify(body)}`, async () => {
      expectError(await service.post(BASE, body), 400, error, { code: "validation_failed" });
      expect((await service.call("GET", `${BASE}/601`)).status).toBe(404);
    });
  }

  test("refuses an id that is a word of contract A's paths", async () => {
    const answer = await service.post(BASE, { productId: "products", quantity: 1 });
    expectError(answer, 400, "productId is a word of the API and names nothing", {
      code: "reserved_id",
    });
  });

  test("takes a body that is not sent as JSON for an empty one, and refuses half a JSON", async () => {
    const body = '{"productId":601,"quantity":1}';
    expectError(await service.post(BASE, body, { "content-type": "text/plain" }), 400, REQUIRED);
    const half = await service.post(BASE, '{"productId":');
    expectError(half, 400, "the body is not valid JSON", { code: "malformed_json" });
  });
});

test("what nobody serves is 404, a wrong method 405, both with `error`", async () => {
  const unknown = "there is nothing at this path";
  for (const path of [`${BASE}/1/nothing`, `${BASE}/1/reserve/2`, "/info/more", "/nowhere"]) {
    expectError(await service.call("GET", path), 404, unknown, { code: "route_not_found" });
  }
  const answer = await service.call("DELETE", `${BASE}/1`);
  const error = "this path takes GET, HEAD, OPTIONS";
  expectError(answer, 405, error, { code: "method_not_allowed" });
  expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
});

test("GET /health answers as contract A does", async () => {
  const { status, body } = await service.call("GET", "/health");
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { status: "healthy", service: "inventory-service" },
  });
});

test("the list says how far behind the ledger is when it did not catch up", async () => {
  const positions = async () => [{ partition: 0, seq: 12, drained: 9 }];
  const config = { requestDeadlineMs: 50 };
  const { send } = openApp({ contracts: [eureka], store: { positions }, config });
  const { status, headers } = await send(BASE);
  expect([status, headers.get("ledger-lag")]).toEqual([200, "3"]);
});

describe("where contracts without authentication need tokens", () => {
  const { send } = openApp({ contracts: [eureka], config: { takesAnonymous: false } });
  const changes = [
    ["POST", BASE, { productId: 1, quantity: 1 }],
    ["PUT", `${BASE}/1/quantity`, { quantity: 1 }],
    ["POST", `${BASE}/1/reserve`, { quantity: 1 }],
    ["POST", `${BASE}/1/release`, { quantity: 1 }],
    ["POST", `${BASE}/1/deduct`, { quantity: 1 }],
  ] as const;

  test.each(changes)("%s %s does", async (method, path, body) => {
    const nobody = await send(path, { method, body });
    expectError(nobody, 401, "the Authorization header is missing", { code: "token_missing" });
    const customer = await send(path, { method, body, as: "customer" });
    expectError(customer, 403, "this call is for the role admin or service");
  });

  test("a read does not", async () => {
    expect((await send("/info")).status).toBe(200);
    expect((await send(BASE)).status).toBe(200);
  });
});
