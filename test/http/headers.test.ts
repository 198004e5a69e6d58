/** What travels in headers: keys of operations, and origins of browsers. */
import { describe, expect, test } from "bun:test";
import type { ReserveCommand, ReserveOutcome } from "#inventory/ports";
import { openApp, ORIGIN } from "#test/http-app";
import { answering, reservationOf } from "#test/ports-double";

const RESERVE = "/api/inventory/product/p1/reserve";
const HOLD = { quantity: 1, orderId: "order-1" };

describe("an Idempotency-Key", () => {
  const operations = async (
    requests: readonly { key?: string; as?: "admin" | "customer"; path?: string; body?: object }[],
  ) => {
    const reserve = answering<ReserveCommand, ReserveOutcome>({
      kind: "reserved",
      short: [],
      reservation: reservationOf(),
    });
    const { send } = openApp({ store: { reserve } });
    for (const { key, as = "customer", path = RESERVE, body = HOLD } of requests) {
      const headers = key === undefined ? {} : { "idempotency-key": key };
      expect((await send(path, { as, body, headers })).status).toBe(201);
    }
    return reserve.commands.map(({ operation }) => operation);
  };

  test("is known again by caller, path and key, and its request by the body", async () => {
    const [first, again, otherBody] = await operations([
      { key: "k" },
      { key: "k" },
      { key: "k", body: { ...HOLD, quantity: 2 } },
    ]);
    expect(first?.key).toMatch(/^[0-9a-f]{32}$/);
    expect(first?.payload).toMatch(/^[0-9a-f]{16}$/);
    expect(again).toEqual(first ?? null);
    expect(otherBody?.key).toBe(first?.key ?? "");
    expect(otherBody?.payload).not.toBe(first?.payload ?? "");
  });

  test("of another caller, another path or another key is another one", async () => {
    const all = await operations([
      { key: "k" },
      { key: "l" },
      { key: "k", as: "admin" },
      { key: "k", path: "/api/inventory/product/p2/reserve" },
    ]);
    expect(new Set(all.map((operation) => operation?.key)).size).toBe(4);
    expect(await operations([{}])).toEqual([null]);
  });

  test.each(["", "x".repeat(129), "a\u0085b"])("400 for %j", async (key) => {
    const headers = { "idempotency-key": key };
    const { status, body } = await openApp().send(RESERVE, { as: "customer", body: HOLD, headers });
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ path: "Idempotency-Key" }] });
  });
});

describe("CORS", () => {
  test("lets the configured origins read, and no other", async () => {
    const { send } = openApp();
    const known = await send("/health", { headers: { origin: ORIGIN } });
    expect(known.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(known.headers.get("access-control-expose-headers")).toContain("Idempotency-Replayed");
    for (const origin of ["https://evil.example.com", "null", `${ORIGIN}.evil`, ""]) {
      const { headers } = await send("/health", { headers: { origin } });
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("vary")).toBe("Origin");
    }
    const refused = await send("/api/inventory/products", { headers: { origin: ORIGIN } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  });

  test("answers a preflight with the path's own methods", async () => {
    const { send } = openApp();
    const headers = { origin: ORIGIN, "access-control-request-method": "PATCH" };
    const answer = await send("/api/inventory/product/p1", { method: "OPTIONS", headers });
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(answer.headers.get("access-control-allow-methods")).toBe("GET, PATCH, HEAD, OPTIONS");
    expect(answer.headers.get("access-control-allow-headers")).toContain("Idempotency-Key");
    const evil = { ...headers, origin: "https://evil.example.com" };
    const refused = await send("/api/inventory/product/p1", { method: "OPTIONS", headers: evil });
    expect(refused.headers.get("access-control-allow-methods")).toBeNull();
    expect((await send("/nothing", { method: "OPTIONS", headers })).status).toBe(404);
  });

  test("is silent where no origin is configured", async () => {
    const { send } = openApp({ config: { corsOrigins: [] } });
    const { headers } = await send("/health", { headers: { origin: ORIGIN } });
    expect([headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual([null, null]);
  });
});

test("a reserve reaches the store with the deadline of its request", async () => {
  const reserve = answering<ReserveCommand, ReserveOutcome>({ kind: "key_reused" });
  const { send } = openApp({ store: { reserve }, clock: { now: () => 5000 } });
  await send(RESERVE, { as: "customer", body: HOLD });
  expect(reserve.commands).toMatchObject([{ deadline: 6000 }]);
});
