import { describe, expect, test } from "bun:test";
import { openApp, TOKENS } from "#test/http-app";

const RESERVE = "/api/inventory/product/p1/reserve";
const METRICS_TOKEN = "the-token-of-the-metrics";
const HOLD = { quantity: 1, orderId: "order-1" };

describe("GET /health", () => {
  test.each(["/health", "/health/live"])("200 at %s as long as the process runs", async (path) => {
    const readiness = { status: "unavailable", reasons: ["Redis is away"] } as const;
    const { status, body } = await openApp({ readiness }).send(path);
    expect(status).toBe(200);
    expect(body).toEqual({
      status: "healthy",
      service: "inventory-service",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
  });
});

describe("GET /health/ready", () => {
  test("200 when all is well, and while the ledger is away", async () => {
    for (const status of ["healthy", "degraded"] as const) {
      const reasons = status === "healthy" ? [] : ["PostgreSQL is away"];
      const answer = await openApp({ readiness: { status, reasons } }).send("/health/ready");
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ status, reasons });
    }
  });

  test("503 when nothing can be sold here, and why", async () => {
    const readiness = { status: "unavailable", reasons: ["Redis is away"] } as const;
    const { status, body, headers } = await openApp({ readiness }).send("/health/ready");
    expect(status).toBe(503);
    expect(body).toMatchObject(readiness);
    expect(headers.get("retry-after")).toBe("1");
  });

  test("503 from the moment the process stops, when all else is refused too", async () => {
    const { send } = openApp({ stopping: true });
    expect((await send("/health/ready")).status).toBe(503);
    expect((await send("/health/live")).status).toBe(200);
    const sale = await send(RESERVE, { as: "customer", body: HOLD });
    expect([sale.status, sale.body["code"], sale.body["retryable"]]).toEqual([
      503,
      "stopping",
      true,
    ]);
  });
});

describe("a process without the contract", () => {
  test("answers for its health and its counters, and knows no other path", async () => {
    const { send } = openApp({ contracts: [] });
    expect((await send("/health/ready")).status).toBe(200);
    expect((await send("/metrics", { ip: "::1" })).status).toBe(200);
    expect((await send("/api/inventory/product/p1")).status).toBe(404);
  });
});

describe("GET /metrics", () => {
  const { send } = openApp();
  const guarded = openApp({ config: { metricsToken: METRICS_TOKEN } });

  test.each(["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])("200 for %s", async (ip) => {
    const { status, text, headers } = await send("/metrics", { ip });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    expect(text).toContain("# TYPE holdfast_http_requests_total counter");
  });

  test("200 for anybody with the token", async () => {
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
    for (const ip of ["10.0.0.9", "127.0.0.1"]) {
      expect((await guarded.send("/metrics", { headers, ip })).status).toBe(200);
    }
  });

  test("401 for everybody without the token that is configured, loopback too", async () => {
    for (const ip of ["127.0.0.1", "::1", "10.0.0.9"]) {
      const without = await guarded.send("/metrics", { ip });
      expect([without.status, without.body["code"]]).toEqual([401, "token_missing"]);
      const headers = { authorization: `Bearer ${TOKENS.admin}` };
      const wrong = await guarded.send("/metrics", { ip, headers });
      expect([wrong.status, wrong.body["code"]]).toEqual([401, "token_invalid"]);
    }
  });

  test.each(["10.0.0.9", "128.0.0.1", "::2", "127.0.0.1.evil", "", "::ffff:10.0.0.1"])(
    "401 for %p without the token",
    async (ip) => {
      const answer = await send("/metrics", { ip });
      expect([answer.status, answer.body["code"]]).toEqual([401, "token_missing"]);
      const headers = { authorization: `Bearer ${TOKENS.admin}` };
      const wrong = await send("/metrics", { ip, headers });
      expect([wrong.status, wrong.body["code"]]).toEqual([401, "token_invalid"]);
    },
  );

  test("401 for a proxy on this machine: it speaks for others", async () => {
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
      const answer = await send("/metrics", { ip: "127.0.0.1", headers: { [name]: "10.0.0.9" } });
      expect(answer.status).toBe(401);
    }
  });

  test("401 for any token where none is configured", async () => {
    const { send: sendTo } = openApp({ config: { metricsToken: null } });
    for (const token of ["null", "undefined", ""]) {
      const headers = { authorization: `Bearer ${token}` };
      expect((await sendTo("/metrics", { headers })).status).toBe(401);
    }
  });

  test("counts each answer under its route's pattern, never under a caller's text", async () => {
    const counted = openApp();
    await counted.send("/api/inventory/product/p1");
    await counted.send("/api/inventory/product/secret-id");
    await counted.send("/secret-path");
    await counted.send("/api/inventory/products");
    const { text } = await counted.send("/metrics", { ip: "127.0.0.1" });
    const count = (route: string, status: number) =>
      `holdfast_http_requests_total{contract="inventory",route="${route}",status="${status}"} 1`;
    expect(text).toContain(count("/api/inventory/product/:productId", 200));
    expect(text).toContain(count("/api/inventory/product/:productId", 404));
    expect(text).toContain(count("/api/inventory/products", 401));
    expect(text).toContain(count("unmatched", 404));
    expect(text).not.toContain("secret");
  });
});
