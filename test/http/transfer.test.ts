/** Transfer: each status that it may answer. */
import { describe, expect, test } from "bun:test";
import type { TransferCommand, TransferOutcome } from "#inventory/location-ports";
import { LOCATIONS_MAX, STOCK_MAX } from "#inventory/model";
import { openApp } from "#test/http-app";
import { answering, productOf } from "#test/ports-double";
import { INVENTORY } from "#test/wire-samples";

const [product, replayed] = [productOf(), true];
const least = { from: "Warehouse A", to: "Warehouse B", quantity: 5 };

describe("POST /product/:productId/transfer", () => {
  const post = (
    body: object,
    outcome: TransferOutcome = { kind: "transferred", product, replayed: false },
  ) => {
    const transfer = answering<TransferCommand, TransferOutcome>(outcome);
    const { send } = openApp({ store: { transfer } });
    return { transfer, sent: send("/api/inventory/product/p1/transfer", { as: "admin", body }) };
  };

  test("200 with the inventory and its version", async () => {
    const more = { reason: "balance", reference: "T-1", expectedQuantity: 50 };
    const { transfer, sent } = post({ ...least, ...more });
    const { status, body, headers } = await sent;
    expect(status).toBe(200);
    expect(body).toEqual({ message: expect.any(String), inventory: INVENTORY });
    expect([headers.get("etag"), headers.get("idempotency-replayed")]).toEqual(['"7"', null]);
    const context = { actor: "admin:ada", reason: "balance", reference: "T-1" };
    const command = { ...least, productId: "p1", expectedQuantity: 50, context };
    expect(transfer.commands).toMatchObject([command]);
  });

  test("200 says when it is the answer to an earlier copy", async () => {
    const { transfer, sent } = post(least, { kind: "transferred", product, replayed });
    expect((await sent).headers.get("idempotency-replayed")).toBe("true");
    expect(transfer.commands).toMatchObject([{ expectedQuantity: null, operation: null }]);
  });

  test.each([
    [{ to: "Warehouse A" }, "to", "must be another location than from"],
    [{ from: undefined }, "from", "is required"],
    [{ to: "" }, "to", "must be 1-64"],
    [{ quantity: 0 }, "quantity", "must be at least 1"],
    [{ quantity: -1 }, "quantity", "must be at least 1"],
    [{ quantity: 1.5 }, "quantity", "must be a whole number"],
    [{ quantity: 1e9 + 1 }, "quantity", "must be at most 1000000000"],
    [{ expectedQuantity: -1 }, "expectedQuantity", "must be at least 0"],
    [{ reference: "x".repeat(129) }, "reference", "must have at most 128"],
    [{ location: "Warehouse A" }, "location", "is not a field"],
  ])("400 for %j", async (wrong, at, words) => {
    const { transfer, sent } = post({ ...least, ...wrong });
    const { status, body } = await sent;
    expect(status).toBe(400);
    const errors = [{ path: at, message: expect.stringContaining(words) }];
    expect(body).toMatchObject({ code: "validation_failed", errors });
    expect(transfer.commands).toEqual([]);
  });

  test("404 for an unknown product", async () => {
    const { status, body } = await post(least, { kind: "unknown_product" }).sent;
    expect([status, body["code"]]).toEqual([404, "product_not_found"]);
  });

  test("409 for more than is free there, with what is there and held", async () => {
    const outcome = { kind: "below_reserved", onHand: 5, reserved: 3 } as const;
    const { status, body } = await post(least, outcome).sent;
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: "below_reserved",
      message: "5 units are at Warehouse A, 3 of them held: 5 cannot be taken",
      location: "Warehouse A",
      totalStock: 5,
      reservedStock: 3,
    });
  });

  test.each([[{ kind: "expected_mismatch", product }, "expected_mismatch"]] as const)(
    "409 for %j",
    async (outcome, code) => {
      const { status, body } = await post(least, outcome).sent;
      expect([status, body["code"]]).toEqual([409, code]);
    },
  );

  test.each([
    ["stock", "quantity", STOCK_MAX],
    ["locations", "to", LOCATIONS_MAX],
  ] as const)("409 for more than the limit of %s names it", async (limit, field, most) => {
    const { status, body } = await post(least, { kind: "above_limit", limit, onHand: 0 }).sent;
    expect(status).toBe(409);
    const told = { code: "limit_exceeded", field, limit: most, location: "Warehouse B" };
    expect(body).toMatchObject(told);
  });

  test("422 when the key was used with another body", async () => {
    expect((await post(least, { kind: "key_reused" }).sent).status).toBe(422);
  });
});
