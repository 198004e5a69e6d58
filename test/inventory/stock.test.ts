import { describe, expect, test } from "bun:test";
import { adjust } from "#inventory/adjust";
import { commandBase, type RequestContext, type Role } from "#inventory/context";
import { initialize } from "#inventory/initialize";
import type { ADJUSTMENT_TYPES } from "#inventory/model";
import { CustomerId, ProductId, Sku } from "#inventory/model";
import type { AdjustCommand, AdjustOutcome } from "#inventory/ports";
import { answering, depsOf, PRODUCT_ID, productOf } from "#test/ports-double";

const request = (role: Role): RequestContext => ({
  caller: { role, subject: CustomerId.parse("ada") },
  requestId: "r-1",
  operation: null,
  deadline: Infinity,
});

describe("the context of a movement", () => {
  test("says who, why and in which request, and nothing that was not said", () => {
    expect(commandBase(request("admin")).context).toEqual({ actor: "admin:ada", requestId: "r-1" });
    const grounds = { reason: "broken", reference: "PO-1", quantity: 5 };
    expect(commandBase(request("service"), grounds).context).toEqual({
      actor: "service:ada",
      reason: "broken",
      reference: "PO-1",
      requestId: "r-1",
    });
  });
});

describe("adjust", () => {
  const run = async (role: Role, type: (typeof ADJUSTMENT_TYPES)[number], quantity: number) => {
    const outcome = { kind: "adjusted", product: productOf(), replayed: false } as const;
    const store = { adjust: answering<AdjustCommand, AdjustOutcome>(outcome) };
    const input = {
      productId: PRODUCT_ID,
      type,
      quantity,
      location: null,
      expectedQuantity: null,
      expectedSeq: null,
    };
    try {
      await adjust(depsOf({ store }), request(role), input);
      return store.adjust.commands.map(({ delta }) => delta).join();
    } catch (error) {
      expect(store.adjust.commands).toEqual([]);
      if (error instanceof Error && "code" in error) return error.code;
      throw error;
    }
  };

  test("takes the sign that fits the type, and no other", async () => {
    for (const type of ["RESTOCK", "RETURN"] as const) {
      expect(await run("admin", type, 5)).toBe("5");
      expect(await run("admin", type, -5)).toBe("validation_failed");
      expect(await run("admin", type, 0)).toBe("validation_failed");
    }
    expect(await run("admin", "SALE", -5)).toBe("-5");
    expect(await run("admin", "SALE", 5)).toBe("validation_failed");
    expect(await run("admin", "ADJUSTMENT", 5)).toBe("5");
    expect(await run("admin", "ADJUSTMENT", -5)).toBe("-5");
    expect(await run("admin", "ADJUSTMENT", 0)).toBe("validation_failed");
  });
});

describe("initialize", () => {
  const sku = Sku.parse("SKU-1");

  test("finds the product that holds a SKU when the store names it only", async () => {
    const taken = { kind: "sku_taken", productId: PRODUCT_ID, product: null } as const;
    const deps = depsOf({ store: { initialize: async () => taken } });
    const input = { productId: ProductId.parse("p2"), sku, initialStock: 1 };
    const outcome = await initialize(deps, request("admin"), input);
    expect(outcome).toEqual({ ...taken, product: productOf() });
  });

  test.each(["cart", "stock-levels"])(
    "refuses %s, which is taken, as an id and a SKU",
    async (name) => {
      for (const [path, names] of [
        ["productId", { productId: ProductId.parse(name), sku }],
        ["sku", { productId: PRODUCT_ID, sku: Sku.parse(name) }],
      ] as const) {
        const outcome = initialize(depsOf({}), request("admin"), { ...names, initialStock: 1 });
        const errors = [{ path, message: "is a word of ours and names nothing" }];
        await expect(outcome).rejects.toMatchObject({ code: "validation_failed", errors });
      }
    },
  );
});
