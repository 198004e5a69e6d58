import { describe, expect, test } from "bun:test";
import { Location, ProductId } from "#inventory/model";
import type { ReserveCommand, ReserveOutcome } from "#inventory/ports";
import { openApp } from "#test/http-app";
import { answering, PRODUCT_ID, reservationOf, shortLine } from "#test/ports-double";
import { RESERVATION, SHORT_LINE } from "#test/wire-samples";

const keyReused = { kind: "key_reused" } as const;
const reservation = reservationOf();

describe("POST /product/:productId/reserve", () => {
  const post = (
    body: object,
    outcome: ReserveOutcome = { kind: "reserved", short: [], reservation },
    as: "admin" | "service" | "customer" = "customer",
  ) => {
    const reserve = answering<ReserveCommand, ReserveOutcome>(outcome);
    const { send } = openApp({ store: { reserve } });
    return { reserve, sent: send("/api/inventory/product/p1/reserve", { as, body }) };
  };
  const least = { quantity: 1, orderId: "test-order-123" };

  describe("201", () => {
    test("holds stock for the customer itself, as long as configured", async () => {
      const { reserve, sent } = post(least);
      const { status, body } = await sent;
      expect(status).toBe(201);
      expect(body).toEqual({ message: expect.any(String), reservation: RESERVATION });
      expect(reserve.commands).toMatchObject([
        {
          customerId: "carol",
          orderId: "test-order-123",
          lines: [{ productId: "p1", quantity: 1, location: null }],
          holdSeconds: 900,
          generation: "abcdefgh",
          owner: expect.stringMatching(/^[0-9a-f]{32}$/),
          context: { actor: "customer:carol" },
        },
      ]);
    });

    test("takes what the body names", async () => {
      const body = { ...least, expirationMinutes: 60, location: "B", customerId: "dan" };
      const { reserve, sent } = post(body, undefined, "service");
      expect((await sent).status).toBe(201);
      const lines = [{ productId: "p1", quantity: 1, location: "B" }];
      expect(reserve.commands).toMatchObject([{ customerId: "dan", holdSeconds: 3600, lines }]);
    });

    test("is the same for a hold that stands, and says when it is a repeated answer", async () => {
      for (const replayed of [true, false]) {
        const answer = await post(least, { kind: "held", short: [], reservation, replayed }).sent;
        expect(answer.status).toBe(201);
        expect(answer.body).toEqual({ message: "Stock reserved", reservation: RESERVATION });
        const header = answer.headers.get("idempotency-replayed");
        expect(header).toBe(replayed ? "true" : null);
      }
    });
  });

  test.each([
    [{ quantity: 0 }, "quantity"],
    [{ quantity: 1e9 + 1 }, "quantity"],
    [{ quantity: 1.5 }, "quantity"],
    [{ quantity: "1" }, "quantity"],
    [{ quantity: null }, "quantity"],
    [{ orderId: "" }, "orderId"],
    [{ orderId: 5 }, "orderId"],
    [{ orderId: "x".repeat(129) }, "orderId"],
    [{ orderId: "a\u2028b" }, "orderId"],
    [{ expirationMinutes: 0 }, "expirationMinutes"],
    [{ expirationMinutes: 1441 }, "expirationMinutes"],
    [{ expirationMinutes: 61 }, "expirationMinutes"],
    [{ expirationMinutes: 1.5 }, "expirationMinutes"],
    [{ location: "" }, "location"],
  ])("400 for %j", async (wrong, path) => {
    const { reserve, sent } = post({ ...least, ...wrong });
    const { status, body } = await sent;
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
    expect(reserve.commands).toEqual([]);
  });

  test("403 when a customer names a customer, be it itself", async () => {
    for (const customerId of ["dan", "carol"]) {
      const { reserve, sent } = post({ ...least, customerId });
      const { status, body } = await sent;
      expect([status, body["code"]]).toEqual([403, "role_required"]);
      expect(reserve.commands).toEqual([]);
    }
  });

  test("404 for an unknown product", async () => {
    const { status, body } = await post(least, { kind: "unknown_product", productId: PRODUCT_ID })
      .sent;
    expect([status, body["code"]]).toEqual([404, "product_not_found"]);
  });

  test("409 says what is short", async () => {
    const lines = [shortLine(PRODUCT_ID, 5, 2)];
    const { status, body } = await post(least, { kind: "insufficient", lines }).sent;
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: "insufficient_stock",
      message: "p1: 5 asked, at most 2 can be had",
      lines: [SHORT_LINE],
      retryable: false,
    });
  });

  test("409 says what one customer may have, and how much of it is left", async () => {
    const quota = { maxPerCustomer: 3, left: 1 };
    const lines = [{ ...shortLine(PRODUCT_ID, 5, 1), quota }];
    const { status, body } = await post(least, { kind: "above_quota", lines }).sent;
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: "limit_exceeded",
      message: "p1: 5 asked, 3 are allowed to one customer, who may take 1 more",
      lines: [{ productId: "p1", requested: 5, largestQuantity: 1, limit: quota }],
      retryable: false,
    });
  });

  test("409 when the order was confirmed before, with its reservation", async () => {
    const { status, body } = await post(least, { kind: "already_confirmed", reservation }).sent;
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "order_already_confirmed", reservation: RESERVATION });
  });

  test("422 when the key was used with another body", async () => {
    expect((await post(least, keyReused).sent).status).toBe(422);
  });
});

describe("POST /reservations", () => {
  const cart = (items: unknown) => ({ orderId: "order-1", items });
  const post = (
    body: object,
    outcome: ReserveOutcome = { kind: "reserved", short: [], reservation },
  ) => {
    const reserve = answering<ReserveCommand, ReserveOutcome>(outcome);
    const { send } = openApp({ store: { reserve } });
    return { reserve, sent: send("/api/inventory/reservations", { as: "customer", body }) };
  };

  test("201 holds all lines, a repeated product once with its sum", async () => {
    const { reserve, sent } = post(
      cart([
        { productId: "a", quantity: 1 },
        { productId: "b", quantity: 2, location: "B" },
        { productId: "a", quantity: 3 },
      ]),
    );
    expect((await sent).status).toBe(201);
    const lines = [
      { productId: "a", quantity: 4, location: null },
      { productId: "b", quantity: 2, location: "B" },
    ];
    expect(reserve.commands).toMatchObject([{ lines, customerId: "carol" }]);
  });

  test("201 is another hold than that of one product for the same order", async () => {
    const reserve = answering<ReserveCommand, ReserveOutcome>({
      kind: "reserved",
      short: [],
      reservation,
    });
    const { send } = openApp({ store: { reserve } });
    const [item, order] = [{ quantity: 1 }, { orderId: "order-1" }];
    const items = [{ productId: "p1", ...item }];
    await send("/api/inventory/reservations", { as: "customer", body: { ...order, items } });
    for (const id of ["p1", "p2"]) {
      const path = `/api/inventory/product/${id}/reserve`;
      await send(path, { as: "customer", body: { ...order, ...item } });
    }
    expect(new Set(reserve.commands.map(({ owner }) => owner)).size).toBe(3);
  });

  test("201 over several products names none and sums them", async () => {
    const [allocation] = reservation.allocations;
    if (allocation === undefined) throw new Error("the hold has no allocation");
    const b = ProductId.parse("b");
    const allocations = [
      allocation,
      { ...allocation, productId: b, held: 0, confirmed: 1, released: 1 },
      { ...allocation, location: Location.parse("Warehouse B"), held: 2 },
    ];
    const outcome = {
      kind: "reserved",
      short: [],
      reservation: reservationOf({ allocations }),
    } as const;
    const { body } = await post(cart([{ productId: "a", quantity: 1 }]), outcome).sent;
    const lines = [
      {
        productId: "p1",
        quantity: 5,
        confirmed: 0,
        cancelled: 0,
        allocations: [
          { location: "Warehouse A", quantity: 3 },
          { location: "Warehouse B", quantity: 2 },
        ],
      },
      {
        productId: "b",
        quantity: 2,
        confirmed: 1,
        cancelled: 1,
        allocations: [{ location: "Warehouse A", quantity: 2 }],
      },
    ];
    expect(body).toMatchObject({ reservation: { productId: null, quantity: 7, lines } });
  });

  test.each([
    [[], "items"],
    [undefined, "items"],
    [[{ productId: "a" }], "items[0].quantity"],
    [[{ productId: "a", quantity: 1, price: 1 }], "items[0].price"],
    [
      [
        { productId: "a", quantity: 1 },
        { productId: "a", quantity: 1, location: "B" },
      ],
      "items[1].location",
    ],
    [
      [
        { productId: "a", quantity: 1e9 },
        { productId: "a", quantity: 1 },
      ],
      "items[1].quantity",
    ],
  ])("400 for the items %j", async (items, path) => {
    const { reserve, sent } = post(cart(items));
    const { status, body } = await sent;
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
    expect(reserve.commands).toEqual([]);
  });

  test("409 names every short line", async () => {
    const lines = ["a", "b"].map((id) => {
      return shortLine(ProductId.parse(id), 2, 1);
    });
    const { body } = await post(cart([{ productId: "a", quantity: 2 }]), {
      kind: "insufficient",
      lines,
    }).sent;
    const short = { requested: 2, largestQuantity: 1 };
    const named = ["a", "b"].map((productId) => ({ ...short, productId }));
    expect(body).toMatchObject({ status: 409, lines: named });
  });

  test("413 for more than 100 items, and not for 100", async () => {
    const items = Array.from({ length: 101 }, (_, i) => ({ productId: `p${i}`, quantity: 1 }));
    const { status, body } = await post(cart(items)).sent;
    expect([status, body["code"]]).toEqual([413, "too_many_items"]);
    expect((await post(cart(items.slice(1))).sent).status).toBe(201);
  });

  test("400 for a list where a text belongs, however long it is", async () => {
    const orderId = Array.from({ length: 600 }, () => "order-1");
    const { status, body } = await post({ ...cart([{ productId: "p1", quantity: 1 }]), orderId })
      .sent;
    expect([status, body["code"]]).toEqual([400, "validation_failed"]);
    expect(body["errors"]).toEqual([{ path: "orderId", message: "must be a text" }]);
  });
});
