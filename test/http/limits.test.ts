/** Limits that have a name: each status that their routes may answer. */
import { describe, expect, test } from "bun:test";
import type {
  NamedLimit,
  PutLimitCommand,
  PutLimitOutcome,
  RemoveLimitCommand,
  RemoveLimitOutcome,
} from "#inventory/limit-ports";
import { ProductId } from "#inventory/model";
import { openApp } from "#test/http-app";
import { limitOf } from "#test/limit-double";
import { answering, PRODUCT_ID, shortLine } from "#test/ports-double";

const LIMITS = "/api/inventory/limits";
const limit = limitOf();
const LIMIT = {
  limitId: "drop",
  products: ["p1"],
  maxUnits: 5,
  windowHours: null,
  counts: "taken",
  maxHolds: null,
  since: "2025-01-01T00:00:00.000Z",
  createdAt: "2025-01-01T00:00:00.000Z",
  updatedAt: "2025-01-01T00:00:00.000Z",
  version: 7,
};
const BODY = { products: ["p1"], maxUnits: 5 };

const put = (
  body: object,
  outcome: PutLimitOutcome = { kind: "made", limit, replayed: false },
  headers = {},
) => {
  const putLimit = answering<PutLimitCommand, PutLimitOutcome>(outcome);
  const { send } = openApp({ store: { putLimit } });
  const answer = send(`${LIMITS}/drop`, { as: "service", method: "PUT", body, headers });
  return { answer, putLimit };
};

describe("GET /limits", () => {
  test("200 has all of them, and one by its id with its version", async () => {
    const other = limitOf({ limitId: "shop", products: "all", windowHours: 24 });
    const limits = async (): Promise<readonly NamedLimit[]> => [limit, other];
    const { send } = openApp({ store: { limits } });
    expect((await send(LIMITS, { as: "admin" })).body).toEqual({
      limits: [LIMIT, { ...LIMIT, limitId: "shop", products: "all", windowHours: 24 }],
    });
    const one = await send(`${LIMITS}/drop`, { as: "service" });
    expect(one.body).toEqual(LIMIT);
    expect(one.headers.get("etag")).toBe('"7"');
  });

  test("404 limit_not_found", async () => {
    const { status, body } = await openApp().send(`${LIMITS}/none`, { as: "admin" });
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: "limit_not_found" });
  });
});

const OF_PRODUCT = { field: "products", limit: 8 };

describe("PUT /limits/:limitId", () => {
  test("201 for a new one, 200 for another one of it, and the same where it is so already", async () => {
    const made = put(BODY);
    const { status, headers, body } = await made.answer;
    expect([status, headers.get("etag")]).toEqual([201, '"7"']);
    expect(body).toEqual({ message: "Limit made", limit: LIMIT });
    const defaults = { windowHours: null, counts: "taken", maxHolds: null, expectedVersion: null };
    expect(made.putLimit.commands).toMatchObject([
      { limitId: "drop", ...BODY, ...defaults, context: { reference: "limit:drop" } },
    ]);
    for (const kind of ["put", "kept"] as const) {
      const again = await put(BODY, { kind, limit, replayed: kind === "put" }).answer;
      expect(again.status).toBe(200);
      expect(again.headers.get("idempotency-replayed")).toBe(kind === "put" ? "true" : null);
    }
    const whole = { products: "all", maxUnits: 9, counts: "held", maxHolds: 3 };
    const asked = put(whole, undefined, { "if-match": '"6"' });
    await asked.answer;
    expect(asked.putLimit.commands).toMatchObject([{ ...whole, expectedVersion: 6 }]);
  });

  test.each<[object, string, string]>([
    [{ maxUnits: 5 }, "products", "all"],
    [{ ...BODY, products: "some" }, "products", "a list of products"],
    [{ ...BODY, products: [] }, "products", "must have at least 1"],
    [{ ...BODY, products: ["p1", 2] }, "products[1]", "must be a text"],
    [{ ...BODY, products: ["p1", "a b"] }, "products[1]", "must be 1-64"],
    [{ ...BODY, maxUnits: 0 }, "maxUnits", "must be at least 1"],
    [{ ...BODY, windowHours: 8_761 }, "windowHours", "must be at most 8760"],
    [{ ...BODY, counts: "sold" }, "counts", "must be one of taken, held"],
    [{ ...BODY, maxHolds: 3 }, "maxHolds", "is of a limit that counts what is held"],
    [{ ...BODY, counts: "held", windowHours: 1 }, "windowHours", "is of a limit that counts"],
    [{ ...BODY, version: 1 }, "version", "is not a field"],
  ])("400 for %j", async (wrong, path, message) => {
    const { answer, putLimit } = put(wrong);
    const { status, body } = await answer;
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed" });
    expect(JSON.stringify(body)).toContain(`"path":"${path}"`);
    expect(JSON.stringify(body)).toContain(message);
    expect(putLimit.commands).toEqual([]);
  });

  test("413 for more products than one may name", async () => {
    const { answer, putLimit } = put({
      ...BODY,
      products: Array.from({ length: 501 }, (_, i) => `p${i}`),
    });
    const { status, body } = await answer;
    expect([status, body["code"]]).toEqual([413, "too_many_items"]);
    expect(body["message"]).toBe("products takes at most 500 items");
    expect(putLimit.commands).toEqual([]);
  });

  test.each<[PutLimitOutcome, number, string, object?]>([
    [{ kind: "unknown_limit" }, 404, "limit_not_found"],
    [{ kind: "unknown_product", productId: PRODUCT_ID }, 404, "product_not_found"],
    [{ kind: "expected_mismatch", limit }, 409, "expected_mismatch", { current: LIMIT }],
    [{ kind: "too_many_limits" }, 409, "limit_exceeded", { limit: 100 }],
    [{ kind: "too_many_of_product", productId: PRODUCT_ID }, 409, "limit_exceeded", OF_PRODUCT],
    [{ kind: "too_many_of_product", productId: null }, 409, "limit_exceeded", OF_PRODUCT],
    [{ kind: "spans_partitions" }, 422, "limit_spans_partitions"],
    [{ kind: "key_reused" }, 422, "idempotency_key_reused"],
  ])("%j is told", async (outcome, status, code, told = {}) => {
    const answer = await put(BODY, outcome).answer;
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, ...told });
  });
});

describe("DELETE /limits/:limitId", () => {
  test.each<[RemoveLimitOutcome, number, object]>([
    [{ kind: "removed", limit, replayed: false }, 200, { message: "Limit removed", limit: LIMIT }],
    [{ kind: "unknown_limit" }, 404, { code: "limit_not_found" }],
    [{ kind: "expected_mismatch", limit }, 409, { code: "expected_mismatch", current: LIMIT }],
    [{ kind: "key_reused" }, 422, { code: "idempotency_key_reused" }],
  ])("%j is told", async (outcome, status, told) => {
    const removeLimit = answering<RemoveLimitCommand, RemoveLimitOutcome>(outcome);
    const { send } = openApp({ store: { removeLimit } });
    const headers = { "if-match": '"7"' };
    const answer = await send(`${LIMITS}/drop`, { as: "admin", method: "DELETE", headers });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(told);
    expect(removeLimit.commands).toMatchObject([{ limitId: "drop", expectedVersion: 7 }]);
  });
});

test("a reserve above such a limit hears which one it is, and when its window ends", async () => {
  const quota = { maxPerCustomer: 5, left: 2, limitId: "drop", windowEndsAt: 1_735_693_200_000 };
  const line = { ...shortLine(ProductId.parse("p1"), 3, 2), quota };
  const reserve = async () => ({ kind: "above_quota" as const, lines: [line] });
  const { send } = openApp({ store: { reserve } });
  const { status, body } = await send("/api/inventory/product/p1/reserve", {
    as: "customer",
    method: "POST",
    body: { quantity: 3, orderId: "o1" },
  });
  expect(status).toBe(409);
  const told = { maxPerCustomer: 5, maxUnits: 5, left: 2, limitId: "drop" };
  expect(body).toMatchObject({
    code: "limit_exceeded",
    lines: [{ limit: { ...told, windowEndsAt: "2025-01-01T01:00:00.000Z" } }],
  });
});
