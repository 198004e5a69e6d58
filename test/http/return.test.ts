/** Return: each status that it may answer. */
import { describe, expect, test } from "bun:test";
import type { OrderSales, Position, ReturnCommand, SalesQuery, StockStore } from "#inventory/ports";
import { openApp } from "#test/http-app";
import { productOf } from "#test/ports-double";
import { INVENTORY } from "#test/wire-samples";

const product = productOf();

type Returned = Awaited<ReturnType<StockStore["return"]>>;

describe("POST /product/:productId/return", () => {
  const least = { orderId: "order-1", quantity: 2 };
  const done = { kind: "returned", product, sold: 5, returned: 3, replayed: false } as const;
  /** The store's answers one after another; the ledger knows one movement more each time. */
  const post = (body: object, outcomes: readonly Returned[] = [done], positions?: Position[]) => {
    const commands: ReturnCommand[] = [];
    const queries: SalesQuery[] = [];
    const { send } = openApp({
      store: {
        async return(command) {
          commands.push(command);
          return outcomes[commands.length - 1] ?? done;
        },
        ...(positions === undefined ? {} : { positions: async () => positions }),
      },
      ledger: {
        async orderSales(query): Promise<OrderSales> {
          queries.push(query);
          return { seq: 8 + queries.length, sold: 5, returned: queries.length };
        },
      },
    });
    const sent = send("/api/inventory/product/p1/return", { as: "service", body });
    return { commands, queries, sent };
  };

  test("200 with what was sold, what is back, and what may still come", async () => {
    const { commands, queries, sent } = post(least);
    const { status, body, headers } = await sent;
    expect(status).toBe(200);
    expect(body).toEqual({
      message: expect.any(String),
      inventory: INVENTORY,
      returned: {
        productId: "p1",
        orderId: "order-1",
        quantity: 2,
        disposition: "restock",
        sold: 5,
        returned: 3,
        returnable: 2,
      },
    });
    expect(headers.get("etag")).toBe('"7"');
    expect(queries).toMatchObject([
      {
        partition: 0,
        productId: "p1",
        customerId: null,
      },
    ]);
    const sales = { seq: 9, sold: 5, returned: 1 };
    const context = { actor: "service:orders", orderId: "order-1" };
    expect(commands).toMatchObject([{ quantity: 2, location: null, sales, context }]);
    expect(commands[0]?.context).not.toHaveProperty("customerId");
  });

  test("200 of scrap for a customer; who names one and who does not share one note", async () => {
    const more = { customerId: "carol", disposition: "scrap", location: "B", reason: "broken" };
    const { commands, queries, sent } = post({ ...least, ...more }, [{ ...done, replayed: true }]);
    const { body, headers } = await sent;
    expect(body).toMatchObject({ returned: { disposition: "scrap" } });
    expect(headers.get("idempotency-replayed")).toBe("true");
    expect(queries).toMatchObject([{ orderId: "order-1", customerId: "carol" }]);
    const context = { customerId: "carol", reason: "broken" };
    expect(commands).toMatchObject([{ disposition: "scrap", location: "B", context }]);
    const nobodys = post(least);
    await nobodys.sent;
    expect(commands[0]?.owner).toBe(nobodys.commands[0]?.owner ?? "");
    const others = post({ ...least, orderId: "order-2" });
    await others.sent;
    expect(commands[0]?.owner).not.toBe(others.commands[0]?.owner ?? "");
  });

  test("200 after the ledger was asked again, as there was a return meanwhile", async () => {
    const { commands, sent } = post(least, [{ kind: "moved" }, { kind: "moved" }, done]);
    expect((await sent).status).toBe(200);
    expect(commands.map(({ sales }) => sales.seq)).toEqual([9, 10, 11]);
  });

  test.each([
    [{ quantity: 0 }, "quantity"],
    [{ quantity: 1e9 + 1 }, "quantity"],
    [{ quantity: 1.5 }, "quantity"],
    [{ quantity: undefined }, "quantity"],
    [{ orderId: undefined }, "orderId"],
    [{ orderId: "" }, "orderId"],
    [{ customerId: 5 }, "customerId"],
    [{ disposition: "sell" }, "disposition"],
    [{ location: "" }, "location"],
    [{ reason: "" }, "reason"],
    [{ reference: "x".repeat(129) }, "reference"],
    [{ expectedQuantity: 1 }, "expectedQuantity"],
  ])("400 for %j", async (wrong, path) => {
    const { commands, sent } = post({ ...least, ...wrong });
    const { status, body } = await sent;
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
    expect(commands).toEqual([]);
  });

  test("409 for more than was sold says how much may come back", async () => {
    for (const [sums, returnable] of [
      [{ sold: 5, returned: 4 }, 1],
      [{ sold: 0, returned: 0 }, 0],
    ] as const) {
      const { status, body } = await post(least, [{ kind: "exceeds_sold", ...sums }]).sent;
      expect(status).toBe(409);
      expect(body).toMatchObject({ code: "limit_exceeded", ...sums, returnable, requested: 2 });
    }
  });

  test.each([
    [{ kind: "unknown_product" }, 404, "product_not_found"],
    [{ kind: "above_limit", limit: "stock", onHand: 1e12 }, 409, "limit_exceeded"],
    [{ kind: "key_reused" }, 422, "idempotency_key_reused"],
  ] as const)("%j is %d %s", async (outcome, status, code) => {
    const answer = await post(least, [outcome]).sent;
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
  });

  test("503 while the ledger is behind: nobody knows then what was sold", async () => {
    const behind = [{ partition: 0, seq: 9, drained: 8 }];
    const { commands, queries, sent } = post(least, [done], behind);
    const { status, body, headers } = await sent;
    expect([status, body["code"]]).toEqual([503, "ledger_unavailable"]);
    expect(headers.get("retry-after")).not.toBeNull();
    expect([...queries, ...commands]).toEqual([]);
  });
});
