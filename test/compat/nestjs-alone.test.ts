/** Contract D as the only one, where its changes need a token. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { serveContracts, type ContractService } from "#test/contract";
import { said, START_MS_MAX, SUCCESS, WHEN } from "./nestjs-service.ts";

describe("alone, with CONTRACTS_AUTH=required", () => {
  const ORIGIN = "https://shop.example";
  let alone: ContractService;
  beforeAll(async () => {
    alone = await serveContracts("nestjs", { CONTRACTS_AUTH: "required", CORS_ORIGINS: ORIGIN });
  }, START_MS_MAX);
  afterAll(() => alone[Symbol.asyncDispose]());

  const changes = [
    [
      "POST",
      "/inventory/update-stock",
      { eventType: "stockUpdate", productId: "123", quantity: 2, timestamp: WHEN },
    ],
    ["PUT", "/inventory/reserve-order/123", { orderId: "o1", quantity: 2 }],
    ["PUT", "/v1/api/inventory/cancel-reservation/123", { orderId: "o1", quantity: 2 }],
  ] as const;
  for (const [method, path, body] of changes) {
    test(`${method} ${path} is for services and admins`, async () => {
      const nobody = await alone.call(method, path, { body });
      expect(nobody).toMatchObject({
        status: 401,
        body: { error: "Unauthorized", statusCode: 401, message: expect.any(String) },
      });
      const customer = await alone.call(method, path, { body, as: "customer" });
      expect(customer).toMatchObject({
        status: 403,
        body: { error: "Forbidden", statusCode: 403 },
      });
      expect(said(await alone.call(method, path, { body, as: "service" }))).toEqual(SUCCESS);
    });
  }

  test("reads are open, and what is nowhere is 404 in its words, with a correlation id", async () => {
    expect((await alone.call("GET", "/inventory/stock-levels/123")).status).toBe(200);
    for (const path of ["/nowhere", "/inventory", "/inventory/123", "/api/inventory/products"]) {
      const answer = await alone.call("GET", path);
      expect(said(answer)).toEqual({
        status: 404,
        body: { message: `Cannot GET ${path}`, error: "Not Found", statusCode: 404 },
      });
      expect(answer.headers.get("x-correlation-id")).toBeTruthy();
    }
    expect((await alone.call("GET", "/health")).body).toMatchObject({ status: "healthy" });
  });

  test("a page of another origin may send a correlation id, and read it", async () => {
    const headers = { origin: ORIGIN, "x-correlation-id": "page-1" };
    const path = "/inventory/stock-levels/123";
    const asked = await alone.call("OPTIONS", path, { headers });
    expect(asked.headers.get("access-control-allow-headers")).toContain("X-Correlation-ID");
    expect(asked.headers.get("x-correlation-id")).toBe("page-1");
    const read = await alone.call("GET", path, { headers });
    expect(read.headers.get("access-control-expose-headers")).toContain("X-Correlation-ID");
  });
});
