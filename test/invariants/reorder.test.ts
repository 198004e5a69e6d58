/** What to order, over real servers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { EXPECTED_AT, Items, startExpecting } from "#test/expecting";

const TEST_MS_MAX = 60_000;

let all: Awaited<ReturnType<typeof startExpecting>>;
beforeAll(async () => {
  all = await startExpecting();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

describe("GET /reorder", () => {
  const reorder = async () =>
    new Map((await all.rowsOf("/reorder?", 2)).map((row) => [row["productId"], row]));

  test("has what is at or below its reorder point, without what is expected already", async () => {
    const [at, below, above, safe, held, covered] = await Promise.all(
      [20, 3, 21, 30, 25, 0].map((units) => all.initialize(units)),
    );
    await all.change("PATCH", `/product/${safe}`, { safetyStock: 15 });
    await all.change("POST", `/product/${held}/reserve`, { quantity: 6, orderId: randomId(8) });
    await all.expectUnits(z.string().parse(below), 30, { expectedAt: "2030-02-01T00:00:00Z" });
    await all.expectUnits(z.string().parse(below), 5);
    await all.expectUnits(z.string().parse(covered), 70);
    const cancelled = await all.expectUnits(z.string().parse(at), 9);
    await all.post(`/incoming/${cancelled.incomingId}/cancel`, {});
    const rows = await reorder();
    expect(rows.get(at)).toMatchObject({ availableStock: 20, reorderPoint: 20, incomingStock: 0 });
    expect(rows.get(at)).toMatchObject({ orderQuantity: 50, nextExpectedAt: null });
    expect(rows.get(below)).toMatchObject({ incomingStock: 35, orderQuantity: 15 });
    expect(rows.get(below)).toMatchObject({ nextExpectedAt: EXPECTED_AT });
    expect(rows.get(safe)).toMatchObject({ availableStock: 15, totalStock: 30 });
    expect(rows.get(held)).toMatchObject({ availableStock: 19, orderQuantity: 50 });
    expect(rows.get(covered)).toMatchObject({ incomingStock: 70, orderQuantity: 0 });
    expect(rows.has(above)).toBe(false);
  });

  test("has counts of now, and leaves out what was restocked meanwhile", async () => {
    const productId = await all.initialize(5);
    expect((await reorder()).get(productId)).toMatchObject({ availableStock: 5 });
    all.worker.signal("SIGSTOP");
    try {
      await all.change("PATCH", `/product/${productId}/stock`, { quantity: -2 });
      const row = await all.get("/reorder?limit=200");
      expect(Number(row.headers.get("ledger-lag"))).toBeGreaterThan(0);
      const items = Items.parse(row.body).items;
      expect(items.find((item) => item.productId === productId)).toMatchObject({
        availableStock: 3,
      });
      await all.change("PATCH", `/product/${productId}/stock`, { quantity: 100 });
      const after = Items.parse((await all.get("/reorder?limit=200")).body).items;
      expect(after.map((item) => item.productId)).not.toContain(productId);
    } finally {
      all.worker.signal("SIGCONT");
    }
  });
});
