/** Bulk calls: one outcome an item, the very one that its own call would have had. */
import { describe, expect, test } from "bun:test";
import type { StockStore } from "#inventory/ports";
import { Fault, type FaultCode } from "#inventory/faults";
import type { Role } from "#inventory/context";
import { BULK_ITEMS_MAX } from "#http/wire/bodies";
import { openApp, type Answered } from "#test/http-app";
import { answering, productOf, RESERVATION_ID, reservationOf } from "#test/ports-double";

const BASE = "/api/inventory";
const [product, reservation, replayed] = [productOf(), reservationOf(), true];
const requestId = { "x-request-id": "call-1" };

interface Kind {
  readonly bulk: string;
  readonly single: string;
  readonly method: "POST" | "PATCH";
  readonly as: Role;
  /** What an item has beyond the body of the single call. */
  readonly target: object;
  readonly body: object;
  readonly verb: "initialize" | "adjust" | "confirm" | "cancel";
  readonly outcomes: readonly object[];
}

const holdOutcomes = [
  { kind: "done", reservation, replayed: false },
  { kind: "done", reservation, replayed },
  { kind: "confirmed", reservation },
  { kind: "cancelled", reservation: { ...reservation, status: "CANCELLED" } },
  { kind: "expired", reservation: { ...reservation, status: "EXPIRED" } },
  { kind: "exceeds_held", productId: "p1", held: 1 },
  { kind: "unknown_reservation" },
  { kind: "key_reused" },
];
const ending = (verb: "confirm" | "cancel"): Kind => ({
  bulk: `${BASE}/bulk/${verb}`,
  single: `${BASE}/reservation/${RESERVATION_ID}/${verb}`,
  method: "POST",
  as: "customer",
  target: { reservationId: RESERVATION_ID },
  body: { lines: [{ productId: "p1", quantity: 2 }] },
  verb,
  outcomes: holdOutcomes,
});

const KINDS: readonly Kind[] = [
  {
    bulk: `${BASE}/bulk/initialize`,
    single: `${BASE}/initialize`,
    method: "POST",
    as: "service",
    target: {},
    body: { productId: "p2", sku: "SKU-2", initialStock: 5 },
    verb: "initialize",
    outcomes: [
      { kind: "initialized", product, replayed: false },
      { kind: "initialized", product, replayed },
      { kind: "exists", product },
      { kind: "sku_taken", productId: "p1", product },
      { kind: "key_reused" },
    ],
  },
  {
    bulk: `${BASE}/bulk/adjust`,
    single: `${BASE}/product/p1/stock`,
    method: "PATCH",
    as: "admin",
    target: { productId: "p1" },
    body: { quantity: -5, reason: "broken", location: "B", expectedQuantity: 9 },
    verb: "adjust",
    outcomes: [
      { kind: "adjusted", product, replayed: false },
      { kind: "adjusted", product, replayed },
      { kind: "below_reserved", onHand: 5, reserved: 3 },
      { kind: "above_limit", limit: "stock", onHand: 5 },
      { kind: "expected_mismatch", product },
      { kind: "unknown_product" },
      { kind: "key_reused" },
    ],
  },
  ending("confirm"),
  ending("cancel"),
];

const FAULTS: readonly FaultCode[] = [
  "partition_fenced",
  "redis_unavailable",
  "ledger_unavailable",
  "journal_full",
  "overloaded",
  "outcome_unknown",
];

function resultsOf(answer: Answered): Record<string, unknown>[] {
  const { results } = answer.body;
  if (!Array.isArray(results)) throw new Error(`no results: ${answer.text}`);
  return results;
}

describe.each([...KINDS])("POST $bulk", (kind) => {
  const { bulk, single, method, as, target, body, verb } = kind;
  const item = { ...target, ...body };
  const appOf = (answer: (command: unknown) => Promise<unknown>) => {
    const store: Partial<StockStore> = {};
    Object.assign(store, { [verb]: answer });
    return openApp({ store });
  };

  test.each([...kind.outcomes])("words %j as the single call does", async (outcome) => {
    const { send } = appOf(async () => outcome);
    const alone = await send(single, { method, as, body, headers: requestId });
    const answer = await send(bulk, { as, body: { items: [item] }, headers: requestId });
    expect(answer.status).toBe(200);
    const isReplayed = alone.headers.get("idempotency-replayed") === "true";
    const isDone = alone.status < 300;
    expect(answer.body).toEqual({
      results: [
        {
          index: 0,
          status: alone.status,
          ...(isReplayed ? { replayed: true } : {}),
          ...alone.body,
        },
      ],
      succeeded: isDone ? 1 : 0,
      failed: isDone ? 0 : 1,
    });
  });

  test.each([...FAULTS])("has the fault %s as the outcome of its item alone", async (code) => {
    const [first] = kind.outcomes;
    let calls = 0;
    const { send, lines } = appOf(async () => {
      calls += 1;
      if (calls !== 2) return first;
      throw new Fault(code, `because ${code}`);
    });
    const answer = await send(bulk, { as, body: { items: [item, item, item] } });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ succeeded: 2, failed: 1 });
    const [, failed] = resultsOf(answer);
    const status = code === "outcome_unknown" ? 504 : 503;
    expect(failed).toMatchObject({ index: 1, status, code, retryable: true });
    expect(lines.join("\n")).toContain(code);
  });

  test("does not tell what a bug was, and goes on", async () => {
    let calls = 0;
    const { send, lines } = appOf(async () => {
      calls += 1;
      if (calls === 2) return kind.outcomes[0];
      throw new Error("secret detail");
    });
    const answer = await send(bulk, { as, body: { items: [item, item] } });
    expect(answer.body).toMatchObject({ succeeded: 1, failed: 1 });
    expect(resultsOf(answer)[0]).toMatchObject({ status: 500, code: "internal_error" });
    expect(answer.text).not.toContain("secret detail");
    expect(lines.join("\n")).toContain("secret detail");
  });

  test("checks every item before it asks the store for any", async () => {
    const asked = answering(kind.outcomes[0]);
    const { send } = appOf(asked);
    const wrong = [{ items: [] }, {}, { items: [item, item, item, { ...item, surprise: 1 }] }];
    for (const bad of [...wrong, { items: [item, null] }, { items: [item], more: 1 }]) {
      const answer = await send(bulk, { as, body: bad });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: "validation_failed" });
    }
    const many = Array.from({ length: BULK_ITEMS_MAX + 1 }, () => ({}));
    const tooMany = await send(bulk, { as, body: { items: many } });
    expect(tooMany.status).toBe(413);
    expect(tooMany.body).toMatchObject({ code: "too_many_items" });
    expect(asked.commands).toEqual([]);
  });

  test("takes 500 items, and answers in the order asked", async () => {
    const { send } = appOf(async () => kind.outcomes[0]);
    const items = Array.from({ length: BULK_ITEMS_MAX }, () => target);
    const answer = await send(bulk, {
      as,
      body: { items: items.map((of) => ({ ...of, ...body })) },
    });
    expect(answer.body).toMatchObject({ succeeded: BULK_ITEMS_MAX, failed: 0 });
    expect(resultsOf(answer).map(({ index }) => index)).toEqual(items.map((_, index) => index));
  });
});

describe("a field that is wrong", () => {
  test.each([
    ["adjust", { productId: "p1", quantity: 0 }, "items[3].quantity"],
    ["adjust", { productId: "p1", quantity: -1, type: "RESTOCK" }, "items[3].quantity"],
    ["adjust", { productId: "p1", quantity: 1, type: "SALE" }, "items[3].quantity"],
    ["adjust", { quantity: 1 }, "items[3].productId"],
    ["initialize", { productId: "p1", sku: "S", initialStock: -1 }, "items[3].initialStock"],
    ["confirm", { reservationId: "x" }, "items[3].reservationId"],
    [
      "cancel",
      { reservationId: RESERVATION_ID, lines: [{ productId: "p1" }] },
      "items[3].lines[0].quantity",
    ],
  ])("of %s is named with its item: %j", async (verb, wrong, path) => {
    const right = {
      adjust: { productId: "p1", quantity: 1 },
      initialize: { productId: "p2", sku: "SKU-2", initialStock: 5 },
      confirm: { reservationId: RESERVATION_ID },
      cancel: { reservationId: RESERVATION_ID },
    }[verb];
    const body = { items: [right, right, right, wrong] };
    const answer = await openApp().send(`${BASE}/bulk/${verb}`, { as: "admin", body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
  });
});
