/** Expected stock and what to order: wording, and what is refused. */
import { describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import type { IncomingStock } from "#inventory/incoming-ports";
import { openApp } from "#test/http-app";
import { INCOMING_ID, incomingOf, productOf } from "#test/ports-double";
import { INVENTORY } from "#test/wire-samples";

const BASE = "/api/inventory/incoming";
const INCOMING = {
  incomingId: INCOMING_ID,
  productId: "p1",
  location: null,
  quantity: 30,
  received: 0,
  outstanding: 30,
  status: "EXPECTED",
  expectedAt: "2025-01-01T00:00:00.000Z",
  reference: null,
  createdAt: "2025-01-01T00:00:00.000Z",
  updatedAt: "2025-01-01T00:00:00.000Z",
  version: 1,
};

/** An app whose expected stock fails the test when anything reaches it. */
function openGuarded() {
  const reached = () => {
    throw new Error("a refused request reached the expected stock");
  };
  const incoming: IncomingStock = {
    expect: reached,
    amend: reached,
    claim: reached,
    settle: reached,
    giveBack: reached,
    list: reached,
    takeUp: reached,
    isInLedger: reached,
  };
  return openApp({ incoming });
}

const QUANTITIES: [object, string][] = [0, -1, 1.5, 1e9 + 1, "5", null].map((quantity) => [
  { quantity },
  "quantity",
]);
const COMMON: [object, string][] = [
  ...QUANTITIES,
  [{ expectedAt: "tomorrow" }, "expectedAt"],
  [{ expectedAt: "2025-01-01" }, "expectedAt"],
  [{ expectedAt: "2025-01-01T00:00:00" }, "expectedAt"],
  [{ expectedAt: "2025-13-01T00:00:00Z" }, "expectedAt"],
  [{ expectedAt: "9999-12-31T23:59:59-23:59" }, "expectedAt"],
  [{ expectedAt: "1969-12-31T23:59:59Z" }, "expectedAt"],
  [{ expectedAt: 1_735_689_600_000 }, "expectedAt"],
  [{ expectedAt: null }, "expectedAt"],
  [{ reference: "" }, "reference"],
  [{ reference: "x".repeat(129) }, "reference"],
  [{ reference: "a\u0000b" }, "reference"],
  [{ received: 5 }, "received"],
];

describe("POST /incoming", () => {
  const least = { productId: "p1", quantity: 30, expectedAt: "2025-01-01T01:00:00+01:00" };

  test("201 has what is expected, its time in UTC", async () => {
    const { status, body } = await openApp().send(BASE, { as: "admin", body: least });
    expect(status).toBe(201);
    expect(body).toEqual({ message: expect.any(String), incoming: INCOMING });
  });

  test.each([
    ...COMMON,
    [{ productId: "a b" }, "productId"],
    [{ productId: undefined }, "productId"],
    [{ quantity: undefined }, "quantity"],
    [{ expectedAt: undefined }, "expectedAt"],
    [{ location: "" }, "location"],
    [{ location: null }, "location"],
  ])("400 for %j", async (wrong, path) => {
    const { send } = openGuarded();
    const { status, body } = await send(BASE, { as: "admin", body: { ...least, ...wrong } });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
  });

  test("400 for a word of the API, 404 for an unknown product", async () => {
    const { send } = openGuarded();
    const word = await send(BASE, { as: "admin", body: { ...least, productId: "incoming" } });
    expect([word.status, word.body["code"]]).toEqual([400, "reserved_id"]);
    const unknown = await send(BASE, { as: "admin", body: { ...least, productId: "p9" } });
    expect([unknown.status, unknown.body["code"]]).toEqual([404, "product_not_found"]);
  });

  test("504 while nobody knows whether it was noted", async () => {
    const expectIt = () => Promise.reject(new Fault("outcome_unknown", "not known"));
    const { send } = openApp({ incoming: { expect: expectIt } });
    const { status, body } = await send(BASE, { as: "admin", body: least });
    expect([status, body["retryable"]]).toEqual([504, true]);
  });
});

describe("PATCH /incoming/:incomingId", () => {
  const path = `${BASE}/${INCOMING_ID}`;
  const patch = (body: object, sender = openGuarded()) =>
    sender.send(path, { method: "PATCH", as: "admin", body });

  test.each([
    ...COMMON,
    [{}, ""],
    [{ productId: "p2" }, "productId"],
    [{ location: "B" }, "location"],
  ])("400 for %j", async (wrong, at) => {
    if (Reflect.get(wrong, "reference") === null) return;
    const { status, body } = await patch(wrong);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed" });
    expect(body["errors"]).toContainEqual({ path: at, message: expect.any(String) });
  });

  test("200, a reference may be taken away; 409 with what there is", async () => {
    expect((await patch({ reference: null }, openApp())).status).toBe(200);
    const closed = incomingOf({ received: 8, cancelled: true });
    const amend = async () => ({ kind: "closed", incoming: closed }) as const;
    const { status, body } = await patch({ quantity: 5 }, openApp({ incoming: { amend } }));
    expect(status).toBe(409);
    const incoming = { ...INCOMING, received: 8, outstanding: 0, status: "CANCELLED" };
    expect(body).toMatchObject({ code: "limit_exceeded", incoming });
  });

  test.each(["1", "p1", "%00", `${INCOMING_ID}x`])("400 for the id %s", async (id) => {
    for (const end of ["", "/cancel", "/receive"]) {
      const { send } = openGuarded();
      const method = end === "" ? "PATCH" : "POST";
      const answer = await send(`${BASE}/${id}${end}`, {
        method,
        as: "admin",
        body: { quantity: 1 },
      });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ errors: [{ path: "incomingId" }] });
    }
  });
});

describe("POST /incoming/:incomingId/receive", () => {
  const path = `${BASE}/${INCOMING_ID}/receive`;

  test("200 has the receipt, the lot as it left it, and the product", async () => {
    const { status, body, headers } = await openApp().send(path, { as: "admin", method: "POST" });
    expect(status).toBe(200);
    expect(headers.get("etag")).toBe('"7"');
    expect(body).toEqual({
      message: expect.any(String),
      received: { receipt: 1, quantity: 30 },
      incoming: { ...INCOMING, received: 30, outstanding: 0, status: "RECEIVED" },
      inventory: INVENTORY,
    });
  });

  test.each([...QUANTITIES, [{ units: 5 }, "units"]])("400 for %j", async (wrong, at) => {
    const { status, body } = await openGuarded().send(path, { as: "admin", body: wrong });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path: at }] });
  });
});

describe("GET /product/:productId?include=incoming", () => {
  const path = "/api/inventory/product/p1";

  test("200 shows what is expected beside the stock, and 304 while neither changed", async () => {
    const list = async () => ({ items: [incomingOf()], nextCursor: null });
    const { send } = openApp({ incoming: { list } });
    const { status, body, headers } = await send(`${path}?include=incoming`);
    expect([status, body]).toEqual([200, { ...INVENTORY, incoming: [INCOMING] }]);
    const known = { "if-none-match": headers.get("etag") ?? "" };
    expect((await send(`${path}?include=incoming`, { headers: known })).status).toBe(304);
    const other = openApp({ incoming: { list: async () => ({ items: [], nextCursor: null }) } });
    expect((await other.send(`${path}?include=incoming`, { headers: known })).status).toBe(200);
  });

  test("is new where a location was switched off, though the product has the same version", async () => {
    const levels = productOf().levels.map((level) => ({ ...level, active: false }));
    const off = openApp({ store: { product: async () => productOf({ levels }) } });
    const { headers } = await openApp().send(`${path}?include=incoming`);
    const known = { "if-none-match": headers.get("etag") ?? "" };
    expect((await off.send(`${path}?include=incoming`, { headers: known })).status).toBe(200);
  });

  test("asks PostgreSQL for nothing where it is not asked for", async () => {
    expect((await openGuarded().send(path)).body).toEqual(INVENTORY);
  });

  test.each(["?include=", "?include=all", "?include=incoming&asOf=2025-01-01T00:00:00Z"])(
    "400 for %s",
    async (query) => {
      const { status, body } = await openGuarded().send(`${path}${query}`, { as: "admin" });
      expect(status).toBe(400);
      expect(body).toMatchObject({ errors: [{ path: "include" }] });
    },
  );
});

describe("GET /reorder", () => {
  test("200 counts live, and takes what is expected from what is to be ordered", async () => {
    const low = productOf({ reorderPoint: 47 });
    const { send } = openApp({ store: { product: async () => low } });
    const { body } = await send("/api/inventory/reorder", { as: "service" });
    expect(body).toEqual({
      items: [
        {
          productId: "p1",
          sku: "SKU-1",
          name: null,
          availableStock: 47,
          totalStock: 50,
          reorderPoint: 47,
          reorderQuantity: 50,
          incomingStock: 30,
          nextExpectedAt: "2025-01-01T00:00:00.000Z",
          orderQuantity: 20,
        },
      ],
      nextCursor: null,
    });
    const above = await openApp().send("/api/inventory/reorder", { as: "service" });
    expect(above.body).toEqual({ items: [], nextCursor: null });
  });

  test("503 while the ledger is away", async () => {
    const reorder = () => Promise.reject(new Fault("ledger_unavailable", "away"));
    const { send } = openApp({ ledger: { reorder } });
    const { status, headers } = await send("/api/inventory/reorder", { as: "admin" });
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
  });
});
