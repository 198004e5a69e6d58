/** Payments that come when the hold has expired: they take the stock once more, or go back. */
import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { createOrders } from "#companions/orders/store";
import { createPostgres } from "#postgres/client";
import { falseClock } from "#test/false-clock";
import { openOrdersShop, Order } from "#test/orders";
import { openPayments } from "#test/payments";
import { ask } from "#test/shop";
import { until } from "#test/until";

const SOON = { withinMs: 50_000 };
/** Beyond the life of a hold, and within the time for which the inventory knows an ended one. */
const LATE_SECONDS = 16 * 60;
const UNITS = 3;

const clock = await falseClock();
let ahead = 0;
const bed = await openOrdersShop(clock.redis);
const { admin, shop } = bed;
const processes = [await bed.startOrders(), await bed.startOrders()] as const;
const [orders, other] = processes;
const pays = await openPayments(bed, orders);
const sql = createPostgres(shop.databaseUrl);
afterAll(async () => {
  await sql.end();
  await pays[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const order = async (productId: number, quantity = UNITS) => {
  const body = { customerId: 1, items: [{ productId, quantity }] };
  return Order.parse((await ask(orders, "POST", "/api/orders", body, admin)).body).id;
};
const orderOf = async (id: number) =>
  Order.parse((await ask(orders, "GET", `/api/orders/${id}`, undefined, admin)).body);
const orderBecomes = (id: number, status: string) =>
  until(async () => (await orderOf(id)).status === status, {
    ...SOON,
    what: `order ${id} is ${status}`,
  });
const expire = async (): Promise<void> => {
  clock.set((ahead += LATE_SECONDS));
  await ask(shop.inventory, "POST", "/api/inventory/cleanup-expired", {}, admin);
};
/** An order whose payment is under way, and whose hold has expired meanwhile. */
const late = async (productId: number) => {
  const id = await order(productId);
  const payment = await pays.begin(id);
  await expire();
  await orderBecomes(id, "CANCELLED");
  return { id, paymentId: payment.id };
};
const agree = async (): Promise<void> => {
  await pays.settled();
  await until(
    async () => {
      const found = [...(await pays.audit(orders)).wrong, ...(await bed.audit(orders)).wrong];
      return found.length === 0;
    },
    { ...SOON, what: "payments, orders, reservations and the ledger agree" },
  );
};
const reservationIdOf = async (id: number) => {
  const [row] = await sql`SELECT reservation_id FROM orders.orders WHERE id = ${id}`;
  return String(row?.["reservation_id"]);
};
/** As a copy of our own call does that was under way for long. */
const sellLate = async (id: number) => {
  const path = `/api/inventory/reservation/${await reservationIdOf(id)}/confirm`;
  const sold = await ask(shop.inventory, "POST", path, { onExpired: "reacquire" }, admin);
  expect(sold.status).toBe(200);
};

test("what is still there is sold after all, under the order that was cancelled", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  expect(await orderOf(id)).toMatchObject({ reason: "the reservation expired" });
  await pays.decide(paymentId, "SUCCEEDED");
  await orderBecomes(id, "CONFIRMED");
  await pays.settled();
  expect(await orderOf(id)).toMatchObject({ paymentId });
  expect(await pays.get(paymentId)).toMatchObject({ status: "SUCCEEDED" });
  expect(await bed.stock(productId)).toMatchObject({ totalStock: 0, reservedStock: 0 });
  await agree();
});

test("what somebody else has by now is not taken away: the money goes back, and says why", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  await order(productId, 1);
  await pays.decide(paymentId, "SUCCEEDED");
  const { reason } = await pays.become(paymentId, "REFUNDED");
  expect(reason).toContain("there was not enough stock any more");
  expect(await orderOf(id)).toMatchObject({
    status: "CANCELLED",
    reason: "the reservation expired, and there was not enough stock any more",
  });
  expect(await bed.stock(productId)).toMatchObject({ totalStock: UNITS, reservedStock: 1 });
  await agree();
});

test("while nobody has told orders of the expiry, a success is late all the same", async () => {
  const productId = await bed.product(UNITS);
  const id = await order(productId);
  const payment = await pays.begin(id);
  await sql`UPDATE orders.feed SET holder = 'nobody', held_until = now() + interval '1 hour'`;
  await expire();
  await until(async () => (await bed.stock(productId)).reservedStock === 0, {
    ...SOON,
    what: "the hold has expired",
  });
  expect(await orderOf(id)).toMatchObject({ status: "PENDING" });
  await pays.decide(payment.id, "SUCCEEDED");
  await orderBecomes(id, "CONFIRMED");
  await sql`UPDATE orders.feed SET held_until = now()`;
  expect(await bed.stock(productId)).toMatchObject({ totalStock: 0, reservedStock: 0 });
  await agree();
});

test("a failure that comes late changes nothing", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  await pays.decide(paymentId, "FAILED");
  await pays.settled();
  expect(await pays.get(paymentId)).toMatchObject({ status: "FAILED" });
  expect(await orderOf(id)).toMatchObject({ reason: "the reservation expired" });
  await agree();
});

test("an order that expired, and that somebody cancelled besides, is not brought back", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  const path = `/api/orders/${id}/status`;
  expect(await ask(orders, "PUT", path, { status: "CANCELLED" }, admin)).toMatchObject({
    status: 200,
    body: { status: "CANCELLED", reason: "the reservation expired, and it was cancelled" },
  });
  await pays.decide(paymentId, "SUCCEEDED");
  await pays.become(paymentId, "REFUNDED");
  expect(await bed.stock(productId)).toMatchObject({ totalStock: UNITS, reservedStock: 0 });
  await agree();
});

test("when the inventory has forgotten the hold, the money goes back", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  await expire();
  await pays.decide(paymentId, "SUCCEEDED");
  const { reason } = await pays.become(paymentId, "REFUNDED");
  expect(reason).toContain("paid too long after it");
  expect(await orderOf(id)).toMatchObject({ status: "CANCELLED" });
  await agree();
});

test("of late payers who want the same units as many have them as there are", async () => {
  const [payers, left] = [8, 5];
  const productId = await bed.product(payers);
  const begun = await Promise.all(
    Array.from({ length: payers }, async () => {
      const id = await order(productId, 1);
      return { id, paymentId: (await pays.begin(id)).id };
    }),
  );
  await expire();
  for (const { id } of begun) await orderBecomes(id, "CANCELLED");
  await order(productId, payers - left);
  await Promise.all(begun.map(({ paymentId }) => pays.decide(paymentId, "SUCCEEDED")));
  await pays.settled();
  const ended = await Promise.all(begun.map(({ paymentId }) => pays.get(paymentId)));
  expect(ended.filter(({ status }) => status === "SUCCEEDED")).toHaveLength(left);
  expect(ended.filter(({ status }) => status === "REFUNDED")).toHaveLength(payers - left);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: payers - left });
  await agree();
});

test("one late payment that both processes go on with sells once", async () => {
  const productId = await bed.product(2 * UNITS);
  const { id, paymentId } = await late(productId);
  await sql`UPDATE orders.orders SET state = 'REACQUIRING', is_late = true, paid_by = ${paymentId},
    open_at = now() WHERE id = ${id}`;
  const put = (service: typeof orders) =>
    ask(service, "PUT", `/api/orders/${id}/status`, { status: "CONFIRMED" }, admin);
  const answers = await Promise.all([put(orders), put(other), put(orders), put(other)]);
  for (const { status } of answers) expect(status).toBe(200);
  await pays.decide(paymentId, "SUCCEEDED");
  expect(await bed.stock(productId)).toMatchObject({ totalStock: UNITS, reservedStock: 0 });
  await agree();
});

test("units that a copy of the call sells when the money went back are put back", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  const between = await order(productId, 1);
  await pays.decide(paymentId, "SUCCEEDED");
  await pays.become(paymentId, "REFUNDED");
  const path = `/api/orders/${between}/status`;
  await ask(orders, "PUT", path, { status: "CANCELLED" }, admin);
  await sellLate(id);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: 0 });
  await until(async () => (await bed.stock(productId)).totalStock === UNITS, {
    ...SOON,
    what: "they are put back",
  });
  await pays.settled();
  expect((await pays.audit(orders)).wrong).toEqual([]);
  expect(await orderOf(id)).toMatchObject({ status: "CANCELLED" });
});

test("units that a copy of the call sold just before it was given up are put back", async () => {
  const productId = await bed.product(UNITS);
  const { id, paymentId } = await late(productId);
  // As long as nobody goes on with it.
  await sql`UPDATE orders.orders SET state = 'REACQUIRING', is_late = true, paid_by = ${paymentId},
    open_at = 'infinity' WHERE id = ${id}`;
  await sellLate(id);
  const Noted = z.array(z.object({ id: z.string() }));
  await until(
    async () => {
      const rows = await sql`SELECT sale_id AS id FROM orders.orders
        WHERE id = ${id} AND sale_id IS NOT NULL`;
      return Noted.parse([...rows]).length === 1;
    },
    { ...SOON, what: "it was told of" },
  );
  const url = new URL(shop.databaseUrl);
  url.searchParams.set("search_path", "orders");
  const inside = createPostgres(url.href);
  await createOrders(inside).giveUp(id, "and it was given up");
  await inside.end();
  await until(async () => (await bed.stock(productId)).totalStock === UNITS, {
    ...SOON,
    what: "they are put back",
  });
  await pays.decide(paymentId, "SUCCEEDED");
  await pays.become(paymentId, "REFUNDED");
  await pays.settled();
  expect((await pays.audit(orders)).wrong).toEqual([]);
});
