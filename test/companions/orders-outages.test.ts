/** Orders while the inventory, PostgreSQL or products are away: nothing is half done. */
import { afterAll, expect, test } from "bun:test";
import { createPostgres } from "#postgres/client";
import { openOrdersShop, Order } from "#test/orders";
import { openLines } from "#test/orders-lines";
import { ask, type Answer } from "#test/shop";
import { until } from "#test/until";

const bed = await openOrdersShop();
const { admin, shop } = bed;
const sql = createPostgres(shop.databaseUrl);
const lines = await openLines(shop.inventory.url, shop.databaseUrl);
const orders = await bed.startOrders(lines.env);
afterAll(async () => {
  await sql.end();
  await lines[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const SOON = { withinMs: 50_000 };
const STOCK = 10;

const post = (productId: number, key?: string): Promise<Answer> => {
  const body = { customerId: 1, items: [{ productId, quantity: 1 }] };
  const headers = key === undefined ? {} : { "idempotency-key": key };
  return ask(orders, "POST", "/api/orders", body, admin, headers);
};
const put = (id: number, status: string): Promise<Answer> =>
  ask(orders, "PUT", `/api/orders/${id}/status`, { status }, admin);
const statusOf = async (id: number) =>
  Order.parse((await ask(orders, "GET", `/api/orders/${id}`, undefined, admin)).body).status;
const isAway = ({ status, headers }: Answer): void => {
  expect(status).toBe(503);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
};
const settled = () =>
  until(
    async () => {
      const open = await sql`SELECT 1 FROM orders.orders
        WHERE state IN ('RESERVING', 'WITHDRAWING', 'CONFIRMING', 'CANCELLING')`;
      return open.length === 0 && (await bed.audit(orders)).wrong.length === 0;
    },
    { ...SOON, what: "no step is open, and orders and reservations agree" },
  );

test("the inventory is away: 503; without a key nothing is ordered, with one the order goes on", async () => {
  const productId = await bed.product(STOCK);
  const before = await bed.orders(orders);
  await shop.inventory.kill();
  const [without, withKey] = await Promise.all([post(productId), post(productId, "key-1")]);
  isAway(without);
  isAway(withKey);
  expect(await bed.orders(orders)).toEqual(before);
  await shop.inventory.restart();
  await settled();
  const again = await post(productId, "key-1");
  expect(again.status).toBe(201);
  expect(await bed.orders(orders)).toEqual([...before, Order.parse(again.body)]);
  expect(await bed.stock(productId)).toMatchObject({ reservedStock: 1 });
});

test("the inventory held the cart and nobody heard it: without a key it is given back", async () => {
  const productId = await bed.product(STOCK);
  const before = await bed.orders(orders);
  lines.harm({ inventory: (request) => (request.startsWith("POST") ? "lose" : "pass") });
  const asked = post(productId);
  await until(async () => (await bed.stock(productId)).reservedStock === 1, {
    ...SOON,
    what: "the cart is held",
  });
  isAway(await asked);
  lines.harm({});
  await settled();
  expect(await bed.orders(orders)).toEqual(before);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK, reservedStock: 0 });
});

test("the inventory is away while orders are confirmed and cancelled: each step is done later, once", async () => {
  const productId = await bed.product(STOCK);
  const [sold, free] = await Promise.all(
    [post(productId), post(productId)].map(async (made) => Order.parse((await made).body)),
  );
  if (sold === undefined || free === undefined) throw new Error("no two orders were made");
  await shop.inventory.kill();
  const steps = await Promise.all([put(sold.id, "CONFIRMED"), put(free.id, "CANCELLED")]);
  for (const step of steps) isAway(step);
  expect(await statusOf(sold.id)).toBe("PENDING");
  await shop.inventory.restart();
  await settled();
  expect(await statusOf(sold.id)).toBe("CONFIRMED");
  expect(await statusOf(free.id)).toBe("CANCELLED");
  expect((await put(sold.id, "CONFIRMED")).status).toBe(200);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK - 1, reservedStock: 0 });
});

test("PostgreSQL is away: nothing is held, and what was under way is gone on with", async () => {
  const productId = await bed.product(STOCK);
  const before = await bed.orders(orders);
  lines.harm({ database: () => "drop" });
  isAway(await post(productId));
  const ready = await ask(orders, "GET", "/health/ready");
  expect(ready.status).toBe(503);
  expect(await bed.stock(productId)).toMatchObject({ reservedStock: 0 });
  // It goes just when a hold was made.
  let isAfter = false;
  lines.harm({
    inventory: (request) => {
      isAfter ||= request.startsWith("POST /api/inventory/reservations ");
      return "pass";
    },
    database: () => (isAfter ? "drop" : "pass"),
  });
  await until(async () => (await ask(orders, "GET", "/health/ready")).status === 200, {
    ...SOON,
    what: "it is back",
  });
  isAway(await post(productId));
  await until(async () => (await bed.stock(productId)).reservedStock === 1, {
    ...SOON,
    what: "the cart is held",
  });
  lines.harm({});
  await settled();
  expect(await bed.orders(orders)).toEqual(before);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK, reservedStock: 0 });
});

test("products are away: nothing new is ordered, and what was ordered under a key is told", async () => {
  const productId = await bed.product(STOCK);
  const made = await post(productId, "key-2");
  await bed.products.kill();
  isAway(await post(productId));
  expect(await post(productId, "key-2")).toMatchObject({ status: 201, body: made.body });
  expect((await put(Order.parse(made.body).id, "CONFIRMED")).status).toBe(200);
  await bed.products.restart();
  await settled();
});
