/** Sell: each status that it may answer. */
import { describe, expect, test } from "bun:test";
import type { SellCommand, SellOutcome } from "#inventory/ports";
import { openApp } from "#test/http-app";
import { answering, PRODUCT_ID, productOf, shortLine } from "#test/ports-double";
import { INVENTORY, SHORT_LINE } from "#test/wire-samples";
import { Location } from "#inventory/model";

const product = productOf();
const allocations = [{ location: Location.parse("Warehouse A"), quantity: 4 }];
const sold = { kind: "sold", product, allocations, replayed: false } as const;

describe("POST /product/:productId/sell", () => {
  const post = (body: object, outcome: SellOutcome = sold) => {
    const sell = answering<SellCommand, SellOutcome>(outcome);
    const { send } = openApp({ store: { sell } });
    return { sell, sent: send("/api/inventory/product/p1/sell", { as: "service", body }) };
  };

  test("200 with the product as it is now, and what was taken where", async () => {
    const body = {
      quantity: 4,
      orderId: "order-1",
      customerId: "carol",
      location: "Warehouse A",
      reason: "counter",
      reference: "till 3",
      expectedQuantity: 54,
    };
    const { sell, sent } = post(body);
    const { status, body: answer, headers } = await sent;
    expect(status).toBe(200);
    expect(answer).toEqual({
      message: expect.any(String),
      inventory: INVENTORY,
      sold: {
        productId: "p1",
        quantity: 4,
        orderId: "order-1",
        customerId: "carol",
        allocations: [{ location: "Warehouse A", quantity: 4 }],
      },
    });
    expect([headers.get("etag"), headers.get("idempotency-replayed")]).toEqual(['"7"', null]);
    const who = { actor: "service:orders", orderId: "order-1", customerId: "carol" };
    expect(sell.commands).toMatchObject([
      {
        productId: "p1",
        quantity: 4,
        location: "Warehouse A",
        expectedQuantity: 54,
        context: { ...who, reason: "counter", reference: "till 3" },
      },
    ]);
  });

  test("200 without an order, and says when it is the answer to an earlier copy", async () => {
    const { sell, sent } = post({ quantity: 4 }, { ...sold, replayed: true });
    const { body, headers } = await sent;
    expect(body).toMatchObject({ sold: { orderId: null, customerId: null } });
    expect(headers.get("idempotency-replayed")).toBe("true");
    const [command] = sell.commands;
    expect(command).toMatchObject({ location: null, expectedQuantity: null });
    expect(Object.keys(command?.context ?? {}).toSorted()).toEqual(["actor", "requestId"]);
  });

  test.each([
    [{ quantity: 0 }, "quantity"],
    [{ quantity: -1 }, "quantity"],
    [{ quantity: 1e9 + 1 }, "quantity"],
    [{ quantity: "1" }, "quantity"],
    [{ quantity: undefined }, "quantity"],
    [{ orderId: "" }, "orderId"],
    [{ customerId: "x".repeat(129) }, "customerId"],
    [{ location: "a,b" }, "location"],
    [{ reason: "x".repeat(257) }, "reason"],
    [{ reference: "x".repeat(129) }, "reference"],
    [{ expectedQuantity: -1 }, "expectedQuantity"],
    [{ type: "SALE" }, "type"],
  ])("400 for %j", async (wrong, path) => {
    const { sell, sent } = post({ quantity: 1, ...wrong });
    const { status, body } = await sent;
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
    expect(sell.commands).toEqual([]);
  });

  const short = [shortLine(PRODUCT_ID, 5, 2)];
  const quota = { maxPerCustomer: 3, left: 2 };
  const above = [{ ...shortLine(PRODUCT_ID, 5, 2), quota }];
  test.each([
    [{ kind: "unknown_product" }, 404, "product_not_found", {}],
    [{ kind: "insufficient", lines: short }, 409, "insufficient_stock", { lines: [SHORT_LINE] }],
    [
      { kind: "above_quota", lines: above },
      409,
      "limit_exceeded",
      { lines: [{ ...SHORT_LINE, limit: quota }] },
    ],
    [{ kind: "expected_mismatch", product }, 409, "expected_mismatch", { inventory: INVENTORY }],
    [{ kind: "key_reused" }, 422, "idempotency_key_reused", {}],
  ] as const)("%j is %d %s", async (outcome, status, code, members) => {
    const answer = await post({ quantity: 4 }, outcome).sent;
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, retryable: false, ...members });
  });
});
