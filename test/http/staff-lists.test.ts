/** Movements, low stock and the cleanup: what staff looks at. */
import { describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import type { RecoveryReportQuery } from "#inventory/recovery-report-ports";
import { DEFAULT_RULE, Location, OrderId } from "#inventory/model";
import { openApp } from "#test/http-app";
import { movementOf, productOf, REPORT, reservationOf } from "#test/ports-double";

describe("GET /product/:productId/movements", () => {
  const path = "/api/inventory/product/p1/movements";
  test("200 words each movement, newest first", async () => {
    const sale = movementOf({
      type: "SALE",
      seq: 11,
      onHandAfter: 48,
      reservedAfter: 1,
      orderId: OrderId.parse("order-1"),
      reservationId: reservationOf().reservationId,
      reference: null,
    });
    const { send } = openApp({ ledger: { movements: async () => [sale, movementOf()] } });
    const { status, body, headers } = await send(path, { as: "service" });
    expect(status).toBe(200);
    expect(headers.get("ledger-lag")).toBeNull();
    expect(body).toEqual({
      movements: [
        {
          movementId: "p0-11",
          productId: "p1",
          location: "Warehouse A",
          type: "SALE",
          quantity: -2,
          before: { totalStock: 50, reservedStock: 3 },
          after: { totalStock: 48, reservedStock: 1 },
          reservationId: reservationOf().reservationId,
          orderId: "order-1",
          reference: null,
          reason: null,
          actor: "admin:ada",
          timestamp: "2025-01-01T00:00:00.000Z",
        },
        expect.objectContaining({ movementId: "p0-9", quantity: 25, reference: "PO-1" }),
      ],
    });
  });

  test.each([
    ["RESERVE", { reservedAfter: 5 }, -2],
    ["RELEASE", { reservedAfter: 1 }, 2],
    ["EXPIRE", { reservedAfter: 0 }, 3],
    ["EXTEND", {}, 0],
    ["ATTRIBUTE", {}, 0],
    ["ADJUSTMENT", { onHandAfter: 49 }, -1],
  ] as const)("200 has for %s the change of what can be sold", async (type, after, quantity) => {
    const movement = movementOf({ type, onHandAfter: 50, ...after });
    const { send } = openApp({ ledger: { movements: async () => [movement] } });
    const { body } = await send(path, { as: "admin" });
    expect(body).toMatchObject({ movements: [{ type, quantity }] });
  });

  test("200 says how far behind the ledger is when it did not catch up", async () => {
    const positions = async () => [{ partition: 0, seq: 12, drained: 9 }];
    const config = { requestDeadlineMs: 50 };
    const { send } = openApp({ store: { positions }, config });
    for (const [list, as] of [
      [path, "admin"],
      ["/api/inventory/products", "admin"],
      ["/api/inventory/reservations", "customer"],
    ] as const) {
      const { status, headers } = await send(list, { as });
      expect([status, headers.get("ledger-lag")]).toEqual([200, "3"]);
    }
  });

  test("200 has 50 unless told otherwise, up to 500", async () => {
    const limits: number[] = [];
    const movements = async (_id: string, limit: number) => {
      limits.push(limit);
      return [];
    };
    const { send } = openApp({ ledger: { movements } });
    await send(path, { as: "admin" });
    await send(`${path}?limit=500`, { as: "admin" });
    expect((await send(`${path}?limit=501`, { as: "admin" })).status).toBe(400);
    expect(limits).toEqual([50, 500]);
  });

  test("404 for an unknown product, without asking the ledger", async () => {
    const movements = () => {
      throw new Error("the ledger was asked");
    };
    const unknown = "/api/inventory/product/nothing/movements";
    const { status, body } = await openApp({ ledger: { movements } }).send(unknown, {
      as: "admin",
    });
    expect([status, body["code"]]).toEqual([404, "product_not_found"]);
  });

  test("503 while the ledger is away", async () => {
    const movements = async () => {
      throw new Fault("ledger_unavailable", "PostgreSQL is away");
    };
    const { status, headers } = await openApp({ ledger: { movements } }).send(path, {
      as: "admin",
    });
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
  });
});

describe("GET /movements", () => {
  const path = "/api/inventory/movements";
  test("404 of a time whose movements were put away; without a time it lists what is kept", async () => {
    const asked: (number | null)[] = [];
    const putAwayUntil = async (partition: number | null) => {
      asked.push(partition);
      return Date.UTC(2025, 0, 1);
    };
    const { send } = openApp({ ledger: { putAwayUntil } });
    const gone = await send(`${path}?from=2025-01-01T00:00:00Z&partition=0`, { as: "admin" });
    expect(gone.status).toBe(404);
    expect(gone.body).toMatchObject({ code: "history_not_kept", retryable: false });
    expect(gone.body["detail"]).toContain("2025-01-01T00:00:00.000Z");
    const later = await send(`${path}?from=2025-01-01T00:00:00.001Z`, { as: "admin" });
    expect([later.status, (await send(path, { as: "admin" })).status]).toEqual([200, 200]);
    expect(asked).toEqual([0, null]);
  });
});

describe("GET /low-stock", () => {
  test("200 counts what is at or below its threshold", async () => {
    const level = { location: Location.parse("A"), onHand: 10, reserved: 0, ...DEFAULT_RULE };
    const store = { product: async () => productOf({ levels: [level] }) };
    const answer = await openApp({ store }).send("/api/inventory/low-stock", { as: "service" });
    expect(answer.status).toBe(200);
    const items = [{ productId: "p1", availableStock: 10, status: "low_stock" }];
    expect(answer.body).toMatchObject({ count: 1, items });
    const none = await openApp().send("/api/inventory/low-stock?limit=1000", { as: "admin" });
    expect(none.body).toEqual({ items: [], count: 0 });
  });

  test("400 above a thousand", async () => {
    const path = "/api/inventory/low-stock?limit=1001";
    expect((await openApp().send(path, { as: "admin" })).status).toBe(400);
  });
});

describe("POST /cleanup-expired", () => {
  const path = "/api/inventory/cleanup-expired";
  test("200 counts what it released, and says whether there is more", async () => {
    const steps = [true, true, false];
    const expire = async () => ({ expired: 5, more: steps.shift() ?? false });
    const { send } = openApp({ store: { expire } });
    const { status, body } = await send(path, { as: "admin", method: "POST" });
    expect(status).toBe(200);
    expect(body).toEqual({ message: expect.any(String), cleaned: 15, more: false });
    const endless = openApp({ store: { expire: async () => ({ expired: 1, more: true }) } });
    const answer = await endless.send(path, { as: "admin", body: {} });
    expect(answer.body).toMatchObject({ cleaned: 20, more: true });
  });
});

describe("GET /recovery-reports", () => {
  const path = "/api/inventory/recovery-reports";
  test("200 words each report, newest first, and hands on the filters", async () => {
    const asked: RecoveryReportQuery[] = [];
    const list = async (query: RecoveryReportQuery) => {
      asked.push(query);
      return { items: [REPORT], nextCursor: null };
    };
    const { send } = openApp({ recoveryReports: { list } });
    const { status, body } = await send(`${path}?kind=lost&partition=0&limit=3`, { as: "admin" });
    expect(status).toBe(200);
    const { id, at: _, ...told } = REPORT;
    const shown = { reportId: id, ...told, timestamp: "2025-01-01T00:00:00.000Z" };
    expect(body).toEqual({ items: [shown], nextCursor: null });
    await send(path, { as: "admin" });
    expect(asked).toEqual([
      { kind: "lost", partition: 0, cursor: null, limit: 3 },
      { kind: null, partition: null, cursor: null, limit: 20 },
    ]);
  });

  test.each([
    ["kind=found", "kind"],
    ["partition=1", "partition"],
    ["limit=51", "limit"],
  ])("400 for %s names the field", async (query, field) => {
    const { status, body } = await openApp().send(`${path}?${query}`, { as: "admin" });
    expect([status, body]).toMatchObject([400, { errors: [{ path: field }] }]);
  });
});

describe("a cursor", () => {
  const next = async () => ({ items: [], nextCursor: "next" });
  const seen: (string | null)[] = [];
  const page = async ({ cursor }: { readonly cursor: string | null }) => {
    seen.push(cursor);
    return await next();
  };
  const { send } = openApp({
    ledger: {
      products: page,
      reservations: page,
      movementPage: page,
      reorder: (cursor) => page({ cursor }),
    },
    incoming: { list: page },
    events: { alerts: page },
    recoveryReports: { list: page },
  });
  const lists: readonly (readonly [path: string, filter: string, other: string])[] = [
    ["products", "q=a&status=low_stock", "q=b&status=low_stock"],
    ["reservations", "status=ACTIVE", "status=EXPIRED"],
    ["movements", "type=SALE,COUNT&order=oldest", "type=SALE&order=oldest"],
    ["incoming", "productId=p1", "productId=p2"],
    ["alerts", "kind=low&open=true", "kind=low"],
    ["recovery-reports", "kind=lost", "kind=rebuilt"],
    ["reorder", "", ""],
  ];

  test.each(lists)(
    "of %s?%s leads on there, and is refused elsewhere",
    async (list, filter, other) => {
      const ask = (query: string, of = list) =>
        send(`/api/inventory/${of}?${query}`, { as: "admin" });
      const { nextCursor } = (await ask(filter)).body;
      // Also on the next page, whose size may be another one.
      const again = await ask(`limit=7&cursor=${String(nextCursor)}&${filter}`);
      expect([again.status, again.body["nextCursor"]]).toEqual([200, nextCursor]);
      expect(seen.splice(0)).toEqual([null, "next"]);
      const wrong = list === "reorder" ? [] : [await ask(`cursor=${String(nextCursor)}&${other}`)];
      const elsewhere = list === "incoming" ? "products" : "incoming";
      const refused = [
        ...wrong,
        await ask(`cursor=${String(nextCursor)}`, elsewhere),
        await ask(`cursor=next&${filter}`),
      ];
      for (const { status, body } of refused) {
        const message = "must be one that this list answered with these very filters";
        expect([status, body]).toMatchObject([400, { errors: [{ path: "cursor", message }] }]);
      }
      expect(seen).toEqual([]);
    },
  );

  test("is of filters, in whatever order they stand", async () => {
    const first = await send("/api/inventory/movements?type=SALE,COUNT&actor=a", { as: "admin" });
    const path = `/api/inventory/movements?actor=a&cursor=${String(first.body["nextCursor"])}`;
    expect((await send(`${path}&type=COUNT&type=SALE`, { as: "admin" })).status).toBe(200);
  });
});

describe("a query", () => {
  const { send } = openApp();
  test.each([
    ["products?limit=1&limit=2", "limit", "must be given once"],
    ["products?status=low_stock&status=low_stock", "status", "must be given once"],
    ["movements?productId=p1&productId=p1", "productId", "must be given once"],
    ["movements?partition=9", "partition", "must be below 1"],
    ["movements/export?partition=1", "partition", "must be below 1"],
    [`movements?reference=${"x".repeat(300)}`, "reference", "must have at most 128 characters"],
    [`movements?reference=${"x".repeat(200)}`, "reference", "must have at most 128 characters"],
  ])("400 for %.60s says %s %s", async (query, path, message) => {
    const { status, body } = await send(`/api/inventory/${query}`, { as: "admin" });
    expect([status, body["errors"]]).toEqual([400, [{ path, message }]]);
  });
});
