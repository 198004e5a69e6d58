/** Many orders at once, and holds that run out, over two processes of orders. */
import { afterAll, expect, test } from "bun:test";
import { createOrders } from "#companions/orders/store";
import { createPostgres } from "#postgres/client";
import { falseClock } from "#test/false-clock";
import { openOrdersShop, Order } from "#test/orders";
import type { Service } from "#test/service";
import { ask } from "#test/shop";
import { until } from "#test/until";

const CUSTOMERS = 200;
const UNITS = 20;
const SOON = { withinMs: 90_000 };

/** A lease is renewed each 2 s, and lasts 6 s. */
const RENEWED_MS_MAX = 4_000;
const HOUR_SECONDS = 3_600;

const clock = await falseClock();
let ahead = 0;
const bed = await openOrdersShop(clock.redis);
const processes = [await bed.startOrders(), await bed.startOrders()] as const;
const [orders, other] = processes;
const sql = createPostgres(bed.shop.databaseUrl);
afterAll(async () => {
  await sql.end();
  await bed[Symbol.asyncDispose]();
});

const statusOf = async (id: number, service = orders) =>
  Order.parse((await ask(service, "GET", `/api/orders/${id}`, undefined, bed.admin)).body).status;

const become = (id: number, status: string, service = orders) =>
  until(async () => (await statusOf(id, service)) === status, {
    ...SOON,
    what: `order ${id} is ${status}`,
  });
const agree = () =>
  until(async () => (await bed.audit(orders)).wrong.length === 0, {
    ...SOON,
    what: "orders and reservations agree",
  });
const make = async (productId: number) => {
  const body = { customerId: 1, items: [{ productId, quantity: 1 }] };
  return Order.parse((await ask(orders, "POST", "/api/orders", body, bed.admin)).body).id;
};
/** As a call that was under way for too long, or of a process that nobody knows of any more. */
const holdFor = (id: number, productId: number) => {
  const items = [{ productId: `${productId}`, quantity: 1 }];
  const cart = { orderId: `order-${id}`, customerId: "1", items };
  return ask(bed.shop.inventory, "POST", "/api/inventory/reservations", cart, bed.admin);
};
const nothingStrays = async (productId: number): Promise<void> => {
  await until(async () => (await bed.stock(productId)).reservedStock === 0, {
    ...SOON,
    what: "it is given back",
  });
  await until(async () => (await sql`SELECT 1 FROM orders.strays`).length === 0, {
    ...SOON,
    what: "nothing is noted as a stray",
  });
  await agree();
};
const confirm = (id: number) =>
  ask(orders, "PUT", `/api/orders/${id}/status`, { status: "CONFIRMED" }, bed.admin);

/** The process that follows the events: where it stands still, the lease is not renewed. */
async function listening(): Promise<Service> {
  const held = async () => {
    const [row] = await sql`SELECT held_until FROM orders.feed`;
    return String(row?.["held_until"]);
  };
  orders.signal("SIGSTOP");
  const before = await held();
  const isOther = await until(async () => (await held()) !== before, {
    withinMs: RENEWED_MS_MAX,
    what: "the lease is renewed",
  }).catch(() => false);
  orders.signal("SIGCONT");
  return isOther ? other : orders;
}

test("200 customers want the last 20 units: 20 have an order, and the sums agree", async () => {
  const productId = await bed.product(UNITS);
  const answers = await Promise.all(
    Array.from({ length: CUSTOMERS }, (_, index) =>
      ask(
        processes[index % 2 === 0 ? 0 : 1],
        "POST",
        "/api/orders",
        { customerId: index + 1, items: [{ productId, quantity: 1 }] },
        bed.admin,
      ),
    ),
  );
  const heard = (status: number) => answers.filter((answer) => answer.status === status);
  expect(heard(201)).toHaveLength(UNITS);
  expect(heard(400)).toHaveLength(CUSTOMERS - UNITS);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: UNITS, reservedStock: UNITS });
  // Each is confirmed and cancelled at once: one of the two comes first, the other is told so.
  const ids = heard(201).map(({ body }) => Order.parse(body).id);
  const steps = await Promise.all(
    ids.flatMap((id) =>
      ["CONFIRMED", "CANCELLED"].map(async (status, index) => {
        const path = `/api/orders/${id}/status`;
        const service = processes[index === 0 ? 0 : 1];
        return await ask(service, "PUT", path, { status }, bed.admin);
      }),
    ),
  );
  expect(steps.filter(({ status }) => status === 200)).toHaveLength(UNITS);
  expect(steps.filter(({ status }) => status === 409)).toHaveLength(UNITS);
  const ended = await Promise.all(ids.map((id) => statusOf(id)));
  const sold = ended.filter((status) => status === "CONFIRMED").length;
  expect(ended.filter((status) => status === "CANCELLED")).toHaveLength(UNITS - sold);
  expect(await bed.stock(productId)).toMatchObject({ totalStock: UNITS - sold, reservedStock: 0 });
  await agree();
});

test("a hold that expires cancels its order, though the process that listened was killed", async () => {
  const productId = await bed.product(3);
  const id = await make(productId);
  const listener = await listening();
  await listener.kill();
  clock.set((ahead += HOUR_SECONDS));
  await become(id, "CANCELLED", listener === orders ? other : orders);
  await listener.restart();
  const late = await confirm(id);
  expect(late).toMatchObject({ status: 409, body: { status: "CANCELLED" } });
  expect(JSON.stringify(late.body)).toContain("the reservation expired");
  expect(await bed.stock(productId)).toMatchObject({ totalStock: 3, reservedStock: 0 });
});

test("while nobody listens an expired hold is not confirmed, and one that is overdue is asked for", async () => {
  const productId = await bed.product(3);
  const [asked, overdue] = [await make(productId), await make(productId)];
  await sql`UPDATE orders.feed SET holder = 'nobody', held_until = now() + interval '1 hour'`;
  clock.set((ahead += HOUR_SECONDS));
  await until(async () => (await bed.stock(productId)).reservedStock === 0, {
    ...SOON,
    what: "the holds have expired",
  });
  const late = await confirm(asked);
  expect(late).toMatchObject({ status: 409, body: { status: "CANCELLED" } });
  expect(JSON.stringify(late.body)).toContain("the reservation expired");
  expect(await statusOf(overdue)).toBe("PENDING");
  const held = await make(productId);
  await sql`UPDATE orders.orders SET due_at = now() - interval '1 hour'
    WHERE id IN ${sql([overdue, held])}`;
  await become(overdue, "CANCELLED");
  // What is held still is none that is overdue.
  await until(
    async () =>
      (await sql`SELECT 1 FROM orders.orders WHERE id = ${held} AND due_at > now()`).length === 1,
    { ...SOON, what: "the hold was asked for" },
  );
  expect(await statusOf(held)).toBe("PENDING");
  await sql`UPDATE orders.feed SET held_until = now()`;
  await agree();
});

test("a hold that a copy of a refused call made, and that was told of before, is given back", async () => {
  const productId = await bed.product(3);
  const url = new URL(bed.shop.databaseUrl);
  url.searchParams.set("search_path", "orders");
  const inside = createPostgres(url.href);
  const store = createOrders(inside);
  const { id } = await store.create({ customer: 1, items: [], total: 0, request: null });
  expect((await holdFor(id, productId)).status).toBe(201);
  await until(
    async () =>
      (
        await sql`SELECT 1 FROM orders.orders
        WHERE id = ${id} AND heard_reservation_id IS NOT NULL`
      ).length === 1,
    { ...SOON, what: "it was told of" },
  );
  await store.refuse(id, "RESERVING", null);
  await inside.end();
  await nothingStrays(productId);
});

test("a hold that comes when its order has ended is given back", async () => {
  const productId = await bed.product(3);
  const id = await make(productId);
  const path = `/api/orders/${id}/status`;
  expect((await ask(orders, "PUT", path, { status: "CANCELLED" }, bed.admin)).status).toBe(200);
  expect((await holdFor(id, productId)).status).toBe(201);
  await nothingStrays(productId);
});
