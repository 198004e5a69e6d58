import { describe, expect, test } from "bun:test";
import { DEFAULT_RULE, Location } from "#inventory/model";
import { openApp } from "#test/http-app";
import { answering, PRODUCT_ID, productOf } from "#test/ports-double";
import { INVENTORY } from "#test/wire-samples";

describe("GET /product/:productId", () => {
  const path = "/api/inventory/product/p1";
  describe("200", () => {
    test("is the bare inventory object, every field of it, with its version as ETag", async () => {
      const { status, headers, body } = await openApp().send(path);
      expect(status).toBe(200);
      expect(body).toEqual(INVENTORY);
      expect(headers.get("etag")).toBe('"7"');
      expect(headers.get("content-type")).toBe("application/json");
    });

    test("sums locations, keeps safety stock back, and never shows less than nothing", async () => {
      const level = { onHand: 5, reserved: 2, ...DEFAULT_RULE };
      const levels = ["A", "B"].map((name) => ({ location: Location.parse(name), ...level }));
      for (const [safetyStock, availableStock, status] of [
        [0, 6, "low_stock"],
        [5, 1, "low_stock"],
        [50, 0, "out_of_stock"],
      ] as const) {
        const store = { product: async () => productOf({ levels, safetyStock }) };
        const { body } = await openApp({ store }).send(path);
        const expected = { totalStock: 10, reservedStock: 4, availableStock, status, safetyStock };
        expect(body).toMatchObject(expected);
      }
    });
  });

  describe("304", () => {
    test.each(['"7"', 'W/"7"', '"6", "7"', "*"])("when the caller has %s", async (tags) => {
      const answer = await openApp().send(path, { headers: { "if-none-match": tags } });
      expect(answer.status).toBe(304);
      expect(answer.text).toBe("");
      expect(answer.headers.get("etag")).toBe('"7"');
    });
    test("not when the registry changed what is available, and the product did not", async () => {
      const [level] = productOf().levels;
      if (level === undefined) throw new Error("the double has a level");
      const tags = new Set<string | null>();
      for (const change of [{}, { active: false }, { priority: 5 }, { priority: 6 }]) {
        const store = { product: async () => productOf({ levels: [{ ...level, ...change }] }) };
        const known = { "if-none-match": [...tags].join(", ") };
        const { status, headers } = await openApp({ store }).send(path, { headers: known });
        expect([change, status]).toEqual([change, 200]);
        tags.add(headers.get("etag"));
        const again = { "if-none-match": headers.get("etag") ?? "" };
        expect((await openApp({ store }).send(path, { headers: again })).status).toBe(304);
      }
      expect(tags.size).toBe(4);
    });
    test.each(['"6"', "7", '"77"', ""])("not when the caller has %s", async (tags) => {
      const answer = await openApp().send(path, { headers: { "if-none-match": tags } });
      expect(answer.status).toBe(200);
    });
  });

  test("404 for an unknown product", async () => {
    const { status, body } = await openApp().send("/api/inventory/product/nothing");
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: "product_not_found", type: "/problems/product_not_found" });
  });
});

describe("GET /sku/:sku", () => {
  test("200 is the product of the SKU", async () => {
    const { status, body, headers } = await openApp().send("/api/inventory/sku/SKU-1");
    expect([status, body, headers.get("etag")]).toEqual([200, INVENTORY, '"7"']);
  });

  test("200 from the ledger when Redis does not know the SKU", async () => {
    const store = { productOfSku: async () => null };
    const ledger = { productOfSku: async () => PRODUCT_ID };
    const { status, body } = await openApp({ store, ledger }).send("/api/inventory/sku/SKU-1");
    expect([status, body]).toEqual([200, INVENTORY]);
  });

  test("404 when neither knows it", async () => {
    const { status, body } = await openApp().send("/api/inventory/sku/SKU-2");
    expect([status, body["code"]]).toEqual([404, "product_not_found"]);
  });
});

describe("GET /products", () => {
  test("200 is a page of live inventory, and hands the whole query to the ledger", async () => {
    const products = answering({ items: [PRODUCT_ID], nextCursor: "next" });
    const path = "/api/inventory/products?q=lamp&status=low_stock&location=A&limit=2";
    const { status, body } = await openApp({ ledger: { products } }).send(path, { as: "service" });
    expect(status).toBe(200);
    expect(body).toEqual({
      items: [INVENTORY],
      nextCursor: expect.stringMatching(/^[0-9a-f]{8}\.next$/),
    });
    const query = { q: "lamp", status: "low_stock", location: "A", cursor: null, limit: 2 };
    expect(products.commands).toEqual([query]);
  });

  test("200 without a query is the first 50", async () => {
    const products = answering({ items: [], nextCursor: null });
    await openApp({ ledger: { products } }).send("/api/inventory/products", { as: "admin" });
    const query = { q: null, status: null, location: null, cursor: null, limit: 50 };
    expect(products.commands).toEqual([query]);
  });

  test.each(["limit=201", "status=full", "location=%7B", "cursor=", "q="])(
    "400 for %s",
    async (query) => {
      const path = `/api/inventory/products?${query}`;
      expect((await openApp().send(path, { as: "admin" })).status).toBe(400);
    },
  );
});

describe("POST /check-availability", () => {
  const path = "/api/inventory/check-availability";
  test("200 answers in the order asked, a repeated product for its sum", async () => {
    const items = [
      { productId: "nothing", quantity: 1 },
      { productId: "p1", quantity: 40 },
      { productId: "p1", quantity: 7 },
    ];
    const { status, body } = await openApp().send(path, { body: { items } });
    expect(status).toBe(200);
    expect(body).toEqual({
      availability: [
        { productId: "nothing", requestedQuantity: 1, available: false, availableStock: 0 },
        { productId: "p1", requestedQuantity: 40, available: true, availableStock: 47 },
        { productId: "p1", requestedQuantity: 7, available: true, availableStock: 47 },
      ],
      allAvailable: false,
    });
    const more = [items[1], { productId: "p1", quantity: 8 }];
    const answer = await openApp().send(path, { body: { items: more } });
    expect(answer.text).not.toContain('"available":true');
  });

  test("400 for no items", async () => {
    for (const body of [{ items: [] }, {}, { items: {} }, { items: [{ productId: "p1" }] }]) {
      const answer = await openApp().send(path, { body });
      expect([answer.status, answer.body["code"]]).toEqual([400, "validation_failed"]);
    }
    const none = await openApp().send(path, { body: { items: [] } });
    expect(none.body["message"]).toBe("items must have at least 1");
    const nested = {
      items: [
        { productId: "p1", quantity: 1 },
        { productId: "p1", quantity: 0 },
      ],
    };
    const { body } = await openApp().send(path, { body: nested });
    expect(body).toMatchObject({ errors: [{ path: "items[1].quantity" }] });
  });

  test("413 for more than 500 items, and not for 500", async () => {
    const items = Array.from({ length: 501 }, () => ({ productId: "p1", quantity: 1 }));
    const answer = await openApp().send(path, { body: { items } });
    expect([answer.status, answer.body["code"]]).toEqual([413, "too_many_items"]);
    const most = await openApp().send(path, { body: { items: items.slice(1) } });
    expect(most.status).toBe(200);
  });
});
