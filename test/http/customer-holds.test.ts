/** What became of customers' holds: each status that its route may answer. */
import { describe, expect, test } from "bun:test";
import type { CustomerHolds, CustomerHoldsQuery } from "#inventory/list-customer-holds";
import { openApp } from "#test/http-app";
import { CUSTOMER_HOLDS } from "#test/limit-double";

const PATH = "/api/inventory/customers/holds";

const asked = (
  items: readonly CustomerHolds[] = [CUSTOMER_HOLDS],
  nextCursor: string | null = null,
) => {
  const queries: CustomerHoldsQuery[] = [];
  const customerHolds = async (query: CustomerHoldsQuery) => {
    queries.push(query);
    return { items, nextCursor };
  };
  return { ...openApp({ ledger: { customerHolds } }), queries };
};

describe("GET /customers/holds", () => {
  test("200 with what expired of each customer's units", async () => {
    const { send, queries } = asked([
      CUSTOMER_HOLDS,
      { ...CUSTOMER_HOLDS, units: 0, expiredUnits: 0 },
    ]);
    const { status, body } = await send(PATH, { as: "admin" });
    expect(status).toBe(200);
    expect(body).toEqual({
      items: [
        { ...CUSTOMER_HOLDS, expiredShare: 0.6667 },
        { ...CUSTOMER_HOLDS, units: 0, expiredUnits: 0, expiredShare: 0 },
      ],
      nextCursor: null,
    });
    expect(queries).toMatchObject([{ minimum: 1, cursor: null, limit: 50 }]);
    const agoMs = Date.now() - (queries[0]?.since ?? 0);
    expect(Math.abs(agoMs - 86_400_000)).toBeLessThan(60_000);
  });

  test("asks for what it is asked, page by page", async () => {
    const { send, queries } = asked(undefined, "next");
    const filters = "since=2025-01-01T00:00:00Z&minimum=10&limit=3";
    const { body } = await send(`${PATH}?${filters}`, { as: "admin" });
    const { nextCursor } = body;
    if (typeof nextCursor !== "string") throw new Error("no cursor");
    expect((await send(`${PATH}?${filters}&cursor=${nextCursor}`, { as: "admin" })).status).toBe(
      200,
    );
    const since = Date.UTC(2025, 0, 1);
    expect(queries).toEqual([
      { since, minimum: 10, cursor: null, limit: 3 },
      { since, minimum: 10, cursor: "next", limit: 3 },
    ]);
    const other = await send(`${PATH}?minimum=10&cursor=${nextCursor}`, { as: "admin" });
    expect([other.status, other.body["code"]]).toEqual([400, "validation_failed"]);
  });

  test.each(["minimum=0", "minimum=x", "since=yesterday", "limit=201", "customerId=carol"])(
    "400 for %s",
    async (query) => {
      const { send, queries } = asked();
      expect((await send(`${PATH}?${query}`, { as: "admin" })).status).toBe(400);
      expect(queries).toEqual([]);
    },
  );
});
