/** Adjust: each status that it may answer. */
import { describe, expect, test } from "bun:test";
import { LOCATIONS_MAX, STOCK_MAX } from "#inventory/model";
import type { AdjustCommand, AdjustOutcome } from "#inventory/ports";
import { openApp } from "#test/http-app";
import { answering, productOf } from "#test/ports-double";
import { INVENTORY } from "#test/wire-samples";

const [product, replayed] = [productOf(), true];
const keyReused = { kind: "key_reused" } as const;
const unknownProduct = { kind: "unknown_product" } as const;

describe("PATCH /product/:productId/stock", () => {
  const patch = (
    body: object,
    outcome: AdjustOutcome = { kind: "adjusted", product, replayed: false },
    as: "admin" | "service" = "admin",
  ) => {
    const adjust = answering<AdjustCommand, AdjustOutcome>(outcome);
    const { send } = openApp({ store: { adjust } });
    return {
      adjust,
      sent: send("/api/inventory/product/p1/stock", { method: "PATCH", as, body }),
    };
  };

  describe("200", () => {
    test("restocks as the document has it", async () => {
      const body = { quantity: 25, type: "RESTOCK", reference: "Purchase Order #PO-2024-001" };
      const { adjust, sent } = patch(body);
      const answer = await sent;
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ message: expect.any(String), inventory: INVENTORY });
      expect(adjust.commands).toMatchObject([
        {
          productId: "p1",
          delta: 25,
          type: "RESTOCK",
          location: null,
          expectedQuantity: null,
          context: { actor: "admin:ada", reference: "Purchase Order #PO-2024-001" },
        },
      ]);
    });

    test("is an ADJUSTMENT where no type is named", async () => {
      const body = { quantity: -4, reason: "broken", location: "B", expectedQuantity: 50 };
      const { adjust, sent } = patch(body);
      expect((await sent).status).toBe(200);
      const command = { delta: -4, type: "ADJUSTMENT", location: "B", expectedQuantity: 50 };
      expect(adjust.commands).toMatchObject([{ ...command, context: { reason: "broken" } }]);
    });

    test.each([
      [undefined, null],
      ["*", null],
      ['"7"', 7],
    ])("with If-Match %s expects version %j", async (ifMatch, expectedSeq) => {
      const adjust = answering<AdjustCommand, AdjustOutcome>({
        kind: "adjusted",
        product,
        replayed: false,
      });
      const answer = await openApp({ store: { adjust } }).send("/api/inventory/product/p1/stock", {
        method: "PATCH",
        as: "admin",
        body: { quantity: 1 },
        headers: ifMatch === undefined ? {} : { "if-match": ifMatch },
      });
      expect([answer.status, answer.headers.get("etag")]).toEqual([200, '"7"']);
      expect(adjust.commands).toMatchObject([{ expectedSeq }]);
    });

    test("lets a service return stock", async () => {
      const done = { kind: "adjusted", product, replayed } as const;
      const { status, headers } = await patch({ quantity: 1, type: "RETURN" }, done, "service")
        .sent;
      expect([status, headers.get("idempotency-replayed")]).toEqual([200, "true"]);
    });
  });

  test.each([
    { quantity: 0 },
    { quantity: 1e9 + 1 },
    { quantity: -1e9 - 1 },
    { quantity: 0.5 },
    { quantity: "1" },
    { quantity: null },
    {},
    { quantity: -1, type: "RESTOCK" },
    { quantity: -1, type: "RETURN" },
    { quantity: 1, type: "SALE" },
    { quantity: 1, type: "INITIAL" },
    { quantity: 1, expectedQuantity: -1 },
    { quantity: 1, reference: "x".repeat(129) },
  ])("400 for %j", async (body) => {
    const { adjust, sent } = patch(body);
    const answer = await sent;
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: "validation_failed" });
    expect(adjust.commands).toEqual([]);
  });

  test.each(["RESTOCK", "SALE", "ADJUSTMENT", undefined])(
    "403 for a service and the type %j",
    async (type) => {
      const body = { quantity: type === "SALE" ? -1 : 1, ...(type ? { type } : {}) };
      const { status, body: problem } = await patch(body, undefined, "service").sent;
      expect([status, problem["code"]]).toEqual([403, "role_required"]);
    },
  );

  test("404 for an unknown product", async () => {
    expect((await patch({ quantity: 1 }, unknownProduct).sent).status).toBe(404);
  });

  test.each([
    [{ kind: "below_reserved", onHand: 5, reserved: 3 }, "below_reserved"],
    [{ kind: "expected_mismatch", product }, "expected_mismatch"],
  ] as const)("409 for %j", async (outcome, code) => {
    const { status, body } = await patch({ quantity: 1 }, outcome).sent;
    expect([status, body["code"]]).toEqual([409, code]);
    if (code === "expected_mismatch") expect(body).toMatchObject({ inventory: INVENTORY });
  });

  test("409 for more than is there says of which place it speaks, and what is held there", async () => {
    const outcome = { kind: "below_reserved", onHand: 5, reserved: 0 } as const;
    const named = await patch({ quantity: -10, location: "Warehouse B" }, outcome).sent;
    expect(named.body).toMatchObject({
      message: "5 units are at Warehouse B, 0 of them held: 10 cannot be taken",
      location: "Warehouse B",
      totalStock: 5,
      reservedStock: 0,
    });
    const home = await patch({ quantity: -10 }, outcome).sent;
    expect(home.body).toMatchObject({
      message: "5 units are at its home, 0 of them held: 10 cannot be taken",
      location: null,
    });
  });

  test("409 for more than a limit says which one, of which field, and where", async () => {
    const body = { quantity: 1, location: "Warehouse B" };
    const refused = async (limit: "stock" | "locations", given: object = body) =>
      (await patch(given, { kind: "above_limit", limit, onHand: 5 }).sent).body;
    expect(await refused("stock")).toMatchObject({
      code: "limit_exceeded",
      message: `5 units are at Warehouse B, and a location takes at most ${STOCK_MAX}`,
      field: "quantity",
      limit: STOCK_MAX,
      location: "Warehouse B",
      totalStock: 5,
    });
    expect(await refused("locations")).toMatchObject({
      code: "limit_exceeded",
      message: `the product has ${LOCATIONS_MAX} locations, as many as one may have`,
      field: "location",
      limit: LOCATIONS_MAX,
      location: "Warehouse B",
    });
    expect(await refused("stock", { quantity: 1 })).toMatchObject({
      message: `5 units are at its home, and a location takes at most ${STOCK_MAX}`,
      location: null,
    });
  });

  test("422 when the key was used with another body", async () => {
    expect((await patch({ quantity: 1 }, keyReused).sent).status).toBe(422);
  });
});
