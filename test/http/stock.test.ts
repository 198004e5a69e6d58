/** Initialize and amend: each status that they may answer. */
import { describe, expect, test } from "bun:test";
import type {
  AmendCommand,
  AmendOutcome,
  InitializeCommand,
  InitializeOutcome,
} from "#inventory/ports";
import { openApp } from "#test/http-app";
import { answering, PRODUCT_ID, productOf } from "#test/ports-double";
import { INVENTORY } from "#test/wire-samples";

const [product, replayed] = [productOf(), true];
const keyReused = { kind: "key_reused" } as const;
const unknownProduct = { kind: "unknown_product" } as const;

describe("POST /initialize", () => {
  const path = "/api/inventory/initialize";
  const least = { productId: "p1", sku: "SKU-1", initialStock: 50 };
  const post = (body: object, outcome?: InitializeOutcome) => {
    const initialize = answering<InitializeCommand, InitializeOutcome>(
      outcome ?? { kind: "initialized", product, replayed: false },
    );
    return {
      initialize,
      sent: openApp({ store: { initialize } }).send(path, { as: "admin", body }),
    };
  };

  describe("201", () => {
    test("makes the product with the contract's defaults", async () => {
      const { initialize, sent } = post(least);
      const { status, body, headers } = await sent;
      expect(status).toBe(201);
      expect(body).toEqual({ message: expect.any(String), inventory: INVENTORY });
      expect(headers.get("idempotency-replayed")).toBeNull();
      expect(initialize.commands).toMatchObject([
        {
          ...least,
          location: "default",
          name: null,
          price: null,
          lowStockThreshold: 10,
          reorderPoint: 20,
          reorderQuantity: 50,
          safetyStock: 0,
          maxPerCustomer: null,
          operation: null,
          context: { actor: "admin:ada" },
        },
      ]);
    });

    test("takes every attribute at its bounds", async () => {
      const most = {
        ...least,
        initialStock: 1e12,
        location: "Warehouse A",
        name: "x".repeat(256),
        price: 0.01,
        lowStockThreshold: 0,
        reorderPoint: 1e12,
        reorderQuantity: 0,
        safetyStock: 1e12,
        maxPerCustomer: 1,
      };
      const { initialize, sent } = post(most);
      expect((await sent).status).toBe(201);
      expect(initialize.commands).toMatchObject([most]);
    });

    test("says when it is the answer to an earlier copy", async () => {
      const { headers } = await post(least, { kind: "initialized", product, replayed }).sent;
      expect(headers.get("idempotency-replayed")).toBe("true");
    });
  });

  describe("400", () => {
    test.each([
      [{ initialStock: undefined }, "initialStock", "is required"],
      [{ initialStock: -1 }, "initialStock", "must be at least 0"],
      [{ initialStock: 1.5 }, "initialStock", "must be a whole number"],
      [{ initialStock: 1e12 + 1 }, "initialStock", "must be at most 1000000000000"],
      [{ initialStock: "50" }, "initialStock", "must be a number"],
      [{ initialStock: true }, "initialStock", "must be a number"],
      [{ productId: "" }, "productId", "must be 1-64"],
      [{ productId: 5 }, "productId", "must be a text"],
      [{ productId: "x".repeat(65) }, "productId", "must be 1-64"],
      [{ productId: "a{b" }, "productId", "must be 1-64"],
      [{ sku: "a b" }, "sku", "must be 1-64"],
      [{ location: " A" }, "location", "must be 1-64"],
      [{ location: null }, "location", "must be a text"],
      [{ name: "" }, "name", "must not be empty"],
      [{ name: "a\u0000b" }, "name", "must be printable"],
      [{ name: "\ud800" }, "name", "must be printable"],
      [{ price: -1 }, "price", "must be at least 0"],
      [{ price: "9.99" }, "price", "must be a number"],
      [{ maxPerCustomer: 0 }, "maxPerCustomer", "must be at least 1"],
    ])("for %j", async (wrong, at, words) => {
      const { status, body } = await post({ ...least, ...wrong }).sent;
      expect(status).toBe(400);
      const errors = [{ path: at, message: expect.stringContaining(words) }];
      expect(body).toMatchObject({ code: "validation_failed", errors, retryable: false });
      expect(body["message"]).toStartWith(`${at} ${words}`);
    });

    test("names every field that is wrong, and not more than twenty", async () => {
      const { body } = await post({}).sent;
      expect(body["errors"]).toBeArrayOfSize(3);
      const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field${i}`, i]));
      expect((await post({ ...least, ...many }).sent).body["errors"]).toBeArrayOfSize(20);
    });
  });

  describe("409 already_exists", () => {
    test("for a product that is there, with its inventory", async () => {
      const { status, body } = await post(least, { kind: "exists", product }).sent;
      expect(status).toBe(409);
      expect(body).toMatchObject({ code: "already_exists", inventory: INVENTORY });
    });

    test("for a SKU that is another's, with that one's inventory", async () => {
      for (const holder of [product, null]) {
        const outcome = { kind: "sku_taken", productId: PRODUCT_ID, product: holder } as const;
        const { status, body } = await post(least, outcome).sent;
        expect(status).toBe(409);
        expect(body).toMatchObject({ code: "already_exists", inventory: INVENTORY });
      }
    });
  });

  test("422 when the key was used with another body", async () => {
    const { status, body } = await post(least, keyReused).sent;
    expect([status, body["code"]]).toEqual([422, "idempotency_key_reused"]);
  });
});

describe("PATCH /product/:productId", () => {
  const patch = (
    body: object,
    headers: Record<string, string> = {},
    outcome: AmendOutcome = { kind: "amended", product, replayed: false },
  ) => {
    const amend = answering<AmendCommand, AmendOutcome>(outcome);
    const { send } = openApp({ store: { amend } });
    const path = "/api/inventory/product/p1";
    return { amend, sent: send(path, { method: "PATCH", as: "service", body, headers }) };
  };

  describe("200", () => {
    test("changes what the body names, null included, and nothing else", async () => {
      const changes = { name: "Lamp", price: null, lowStockThreshold: 0 };
      const { amend, sent } = patch(changes);
      const { status, body, headers } = await sent;
      expect(status).toBe(200);
      expect(body).toEqual({ message: expect.any(String), inventory: INVENTORY });
      expect(headers.get("etag")).toBe('"7"');
      expect(amend.commands).toMatchObject([{ productId: "p1", expectedSeq: null }]);
      expect(amend.commands[0]?.changes).toEqual(changes);
    });

    test.each([
      ['"7"', 7],
      ["*", null],
      [' "12" ', 12],
      ['"12.0a1b2c3d"', 12],
    ])("with If-Match %s expects version %j", async (ifMatch, expectedSeq) => {
      const { amend, sent } = patch({ name: "Lamp" }, { "if-match": ifMatch });
      expect((await sent).status).toBe(200);
      expect(amend.commands).toMatchObject([{ expectedSeq }]);
    });
  });

  describe("400", () => {
    test.each(["7", "", 'W/"7"', '"x"', '"7", "8"', '"-1"', `"${"9".repeat(16)}"`])(
      "for If-Match %j",
      async (ifMatch) => {
        const { amend, sent } = patch({ name: "Lamp" }, { "if-match": ifMatch });
        const { status, body } = await sent;
        expect(status).toBe(400);
        expect(body).toMatchObject({ errors: [{ path: "If-Match" }] });
        expect(amend.commands).toEqual([]);
      },
    );

    test("for a body that names nothing, or what may not change", async () => {
      for (const body of [{}, { sku: "SKU-2" }, { totalStock: 5 }, { lowStockThreshold: null }]) {
        expect((await patch(body).sent).body).toMatchObject({ code: "validation_failed" });
      }
    });
  });

  test("404 for an unknown product", async () => {
    const { status, body } = await patch({ name: "Lamp" }, {}, unknownProduct).sent;
    expect([status, body["code"]]).toEqual([404, "product_not_found"]);
  });

  test("409 with what is there now when the version is another", async () => {
    const outcome = { kind: "expected_mismatch", product } as const;
    const { status, body } = await patch({ name: "Lamp" }, { "if-match": '"6"' }, outcome).sent;
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "expected_mismatch", inventory: INVENTORY });
  });

  test("422 when the key was used with another body", async () => {
    expect((await patch({ name: "Lamp" }, {}, keyReused).sent).status).toBe(422);
  });
});
