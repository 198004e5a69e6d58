import { afterAll, beforeAll, expect, test } from "bun:test";
import { CustomerId, OrderId, ProductId, type Movement } from "#inventory/model";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, movement } from "#test/movements";

const [carol, dan] = [CustomerId.parse("carol"), CustomerId.parse("dan")];
const order = OrderId.parse("order-1");
const productId = ProductId.parse("product-1");
let db: TestLedger;
let seq = 0;

/** The next movement: that many units of the order, for that customer. */
function moved(
  type: "SALE" | "RETURN",
  units: number,
  customerId: CustomerId | null,
  more: Partial<Movement> = {},
): Movement {
  seq += 1;
  const [onHandBefore, reservedBefore, reservedAfter] = [1_000, 0, 0];
  const onHandAfter = type === "SALE" ? onHandBefore - units : onHandBefore + units;
  const fields = { onHandBefore, onHandAfter, reservedBefore, reservedAfter };
  return movement(seq, { type, productId, orderId: order, customerId, ...fields, ...more });
}
const append = (movements: Movement[]) => db.writer.append(batch(movements));
const salesOf = (customerId: CustomerId | null, orderId = order, product = productId) =>
  db.ledger.orderSales({ partition: 0, productId: product, orderId, customerId }, soon());

beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

test("an order of which nothing was sold has sums of zero, as of the cursor", async () => {
  expect(await salesOf(null)).toEqual({ seq: 0, sold: 0, returned: 0 });
});

test("sales and returns of an order and product add up, of holds and without, and no others", async () => {
  await append([moved("SALE", 5, carol), moved("SALE", 3, dan), moved("RETURN", 2, carol)]);
  await append([
    moved("SALE", 100, carol, { orderId: OrderId.parse("order-2") }),
    moved("SALE", 100, carol, { productId: ProductId.parse("product-2") }),
    moved("RETURN", 100, carol, { orderId: null }),
    moved("RETURN", 100, carol, { type: "ADJUSTMENT" }),
  ]);
  expect(await salesOf(null)).toEqual({ seq: 7, sold: 8, returned: 2 });
  expect(await salesOf(null, OrderId.parse("order-2"))).toMatchObject({ sold: 100, returned: 0 });
});

test("a customer has its own sales, and what came back in its name or in nobody's", async () => {
  expect(await salesOf(carol)).toMatchObject({ sold: 5, returned: 2 });
  expect(await salesOf(dan)).toMatchObject({ sold: 3, returned: 0 });
  await append([moved("RETURN", 1, null)]);
  expect(await salesOf(carol)).toMatchObject({ sold: 5, returned: 3 });
  expect(await salesOf(dan)).toMatchObject({ sold: 3, returned: 1 });
  expect(await salesOf(null)).toMatchObject({ sold: 8, returned: 3 });
});

test("a return in quarantine makes its product's sums unsure, until somebody settled it", async () => {
  const lost = moved("RETURN", 1, null);
  await db.writer.quarantine(batch([lost]), "refused by a test");
  await expect(salesOf(null)).rejects.toMatchObject({ code: "ledger_unavailable" });
  expect(await salesOf(null, order, ProductId.parse("product-2"))).toMatchObject({ sold: 100 });
  await db.sql`UPDATE quarantine SET settled_at = now()`;
  expect(await salesOf(null)).toMatchObject({ seq: lost.seq, sold: 8, returned: 3 });
});

test("it is found by the index of sales, which movements of holds are not in", async () => {
  const text = await Bun.file(
    new URL("../../src/postgres/statements/order-sales.sql", import.meta.url),
  ).text();
  const values = ["0", "'product-1'", "'order-1'", "NULL", "100"];
  const statement = values.reduce((sql, value, i) => sql.replaceAll(`$${i + 1}`, value), text);
  const plan = await db.sql.unsafe(`SET enable_seqscan = off; EXPLAIN ${statement}`).simple();
  expect(JSON.stringify(plan)).toContain("order_id_product_id_idx");
});
