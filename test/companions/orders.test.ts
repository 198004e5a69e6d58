/** Orders as a process beside products and the inventory: what callers hear. */
import { afterAll, describe, expect, test } from "bun:test";
import { openOrdersShop, Order } from "#test/orders";
import { ask, type Answer } from "#test/shop";
import { until } from "#test/until";

const bed = await openOrdersShop();
const { shop, admin, john, johnId } = bed;
const orders = await bed.startOrders();
afterAll(() => bed[Symbol.asyncDispose]());

const SOON = { withinMs: 30_000 };
const post = (body: object, token = admin, key?: string): Promise<Answer> =>
  ask(
    orders,
    "POST",
    "/api/orders",
    body,
    token,
    key === undefined ? {} : { "idempotency-key": key },
  );
const put = (id: number, status: string, token = admin): Promise<Answer> =>
  ask(orders, "PUT", `/api/orders/${id}/status`, { status }, token);
const get = (path: string, token = admin): Promise<Answer> =>
  ask(orders, "GET", `/api/orders${path}`, undefined, token);
const made = async (body: object, token = admin, key?: string) => {
  const answer = await post(body, token, key);
  expect(answer).toMatchObject({ status: 201 });
  return Order.parse(answer.body);
};
const statusOf = async (id: number) => Order.parse((await get(`/${id}`)).body).status;

test("an order holds its whole cart, and is confirmed or cancelled with it", async () => {
  const mouse = await bed.product(10);
  const lamp = await bed.product(5, { name: "Lamp", price: 0.1 });
  const items = [
    { productId: mouse, quantity: 2 },
    { productId: `${lamp}`, quantity: 3 },
  ];
  const answer = await post({ customerId: 7, items });
  expect(answer.status).toBe(201);
  expect(answer.body).toEqual({
    id: expect.any(Number),
    customerId: 7,
    items: [
      { productId: mouse, quantity: 2, price: 49.99, subtotal: 99.98 },
      { productId: `${lamp}`, quantity: 3, price: 0.1, subtotal: 0.3 },
    ],
    totalAmount: 100.28,
    status: "PENDING",
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
  });
  const { id } = Order.parse(answer.body);
  expect(answer.headers.get("location")).toBe(`/api/orders/${id}`);
  expect((await get(`/${id}`)).body).toEqual(answer.body);
  expect(await bed.stock(mouse)).toMatchObject({ totalStock: 10, reservedStock: 2 });
  const confirmed = await put(id, "CONFIRMED");
  expect(confirmed).toMatchObject({ status: 200, body: { id, status: "CONFIRMED" } });
  expect(await put(id, "CONFIRMED")).toMatchObject({ status: 200, body: confirmed.body });
  expect(await bed.stock(mouse)).toMatchObject({ totalStock: 8, reservedStock: 0 });
  expect(await bed.stock(lamp)).toMatchObject({ totalStock: 2, reservedStock: 0 });
  expect(await put(id, "CANCELLED")).toMatchObject({ status: 409, body: { status: "CONFIRMED" } });

  const other = await made({ customerId: "c-1", items: [{ productId: mouse, quantity: 8 }] });
  expect(await put(other.id, "CANCELLED")).toMatchObject({ status: 200 });
  expect(await put(other.id, "CANCELLED")).toMatchObject({ body: { status: "CANCELLED" } });
  expect((await put(other.id, "CONFIRMED")).status).toBe(409);
  expect(await bed.stock(mouse)).toMatchObject({ totalStock: 8, reservedStock: 0 });
});

test("a cart that cannot be had whole is refused by name, and nothing of it is held", async () => {
  const plenty = await bed.product(10);
  const scarce = await bed.product(2, { name: "Scarce" });
  const items = [
    { productId: plenty, quantity: 1 },
    { productId: scarce, quantity: 2 },
    { productId: scarce, quantity: 1 },
  ];
  const before = await bed.orders(orders);
  const refused = await post({ customerId: 1, items });
  expect(refused).toMatchObject({
    status: 400,
    body: {
      error: "Insufficient inventory for product Scarce",
      productId: scarce,
      available: 2,
      requested: 3,
    },
  });
  const unknown = [
    { productId: plenty, quantity: 1 },
    { productId: 999_999, quantity: 1 },
  ];
  expect((await post({ customerId: 1, items: unknown })).status).toBe(404);
  expect(await bed.stock(plenty)).toMatchObject({ reservedStock: 0 });
  expect(await bed.orders(orders)).toEqual(before);
  // The same key may be tried again for what was refused.
  const two = { customerId: 1, items: [{ productId: scarce, quantity: 3 }] };
  expect((await post(two, admin, "later")).status).toBe(400);
  const path = `/api/inventory/product/${scarce}/stock`;
  await ask(shop.inventory, "PATCH", path, { type: "RESTOCK", quantity: 1 }, admin);
  await made(two, admin, "later");
});

test("the same key and body is the same order, also at once; another body is refused", async () => {
  const productId = await bed.product(5);
  const body = { customerId: 3, items: [{ productId, quantity: 1 }] };
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(body, admin, "once")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(answers.map((answer) => Order.parse(answer.body).id)).size).toBe(1);
  expect(await bed.stock(productId)).toMatchObject({ reservedStock: 1 });
  const other = { ...body, items: [{ productId, quantity: 2 }] };
  expect((await post(other, admin, "once")).status).toBe(422);
  // Somebody else's key is another.
  const johns = { items: body.items };
  expect((await made(johns, john, "once")).id).not.toBe(Order.parse(answers[0]?.body).id);
});

test("a hold that was cancelled or sold in the inventory takes its order along", async () => {
  const productId = await bed.product(5);
  const body = { customerId: 4, items: [{ productId, quantity: 1 }] };
  const [first, second] = [await made(body), await made(body)];
  const holdOf = async (id: number) =>
    await until(
      async () =>
        (await bed.reservations("ACTIVE")).find(({ orderId }) => orderId === `order-${id}`)
          ?.reservationId,
      { ...SOON, what: "the hold is listed" },
    );
  const end = async (id: number, verb: string) => {
    const path = `/api/inventory/reservation/${await holdOf(id)}/${verb}`;
    expect((await ask(shop.inventory, "POST", path, {}, admin)).status).toBe(200);
  };
  await end(first.id, "cancel");
  await end(second.id, "confirm");
  const become = (id: number, status: string) =>
    until(async () => (await statusOf(id)) === status, { ...SOON, what: `${id} is ${status}` });
  await become(first.id, "CANCELLED");
  await become(second.id, "CONFIRMED");
  const late = await put(first.id, "CONFIRMED");
  expect(late).toMatchObject({ status: 409, body: { status: "CANCELLED" } });
  expect(JSON.stringify(late.body)).toContain("the reservation was cancelled");
  expect(await bed.stock(productId)).toMatchObject({ totalStock: 4, reservedStock: 0 });
});

test("a customer orders for itself, sees and cancels its own, and confirms none", async () => {
  const productId = await bed.product(5);
  const items = [{ productId, quantity: 1 }];
  const own = await made({ items }, john);
  expect(own).toMatchObject({ customerId: johnId });
  const others = await made({ customerId: "somebody", items });
  expect((await post({ customerId: "somebody", items }, john)).status).toBe(403);
  expect((await post({ items })).status).toBe(400);
  expect((await get(`/${others.id}`, john)).status).toBe(404);
  expect((await put(others.id, "CANCELLED", john)).status).toBe(404);
  expect((await get("/customer/somebody", john)).status).toBe(403);
  for (const path of ["", `/customer/${johnId}`]) {
    const list = Order.array().parse((await get(path, john)).body);
    expect(list.map(({ id }) => id)).toContain(own.id);
    expect(new Set(list.map(({ customerId }) => customerId))).toEqual(new Set([johnId]));
  }
  expect((await put(own.id, "CONFIRMED", john)).status).toBe(403);
  expect((await put(own.id, "CANCELLED", john)).status).toBe(200);
  expect((await post({ items }, "x.y.z")).status).toBe(401);
  const nobody = await ask(orders, "POST", "/api/orders", { customerId: 1, items });
  expect(nobody.status).toBe(201);
  await using strict = await bed.startOrders({ NODE_ENV: "production" });
  for (const [method, path] of [
    ["POST", "/api/orders"],
    ["GET", "/api/orders"],
    ["GET", `/api/orders/${own.id}`],
    ["PUT", `/api/orders/${own.id}/status`],
  ] as const) {
    const answer = await ask(strict, method, path, method === "GET" ? undefined : {});
    expect(answer.status).toBe(401);
  }
});

test("orders are listed in order and paged, those of a customer alone too", async () => {
  const productId = await bed.product(9);
  const ids = [];
  for (let count = 0; count < 3; count += 1) {
    ids.push((await made({ customerId: 42, items: [{ productId, quantity: 1 }] })).id);
  }
  const page = async (path: string) => {
    const { body, headers } = await get(path);
    const link = /<\/api\/orders([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1] ?? null;
    return {
      ids: Order.array()
        .parse(body)
        .map(({ id }) => id),
      link,
    };
  };
  expect(await page("/customer/42")).toEqual({ ids, link: null });
  const first = await page("/customer/42?limit=2");
  expect(first.ids).toEqual(ids.slice(0, 2));
  expect(await page(first.link ?? "")).toEqual({ ids: ids.slice(2), link: null });
  expect((await page(`?after=${(ids[0] ?? 1) - 1}&limit=1`)).ids).toEqual(ids.slice(0, 1));
  for (const nobody of ["nobody", "%00"]) {
    expect(await page(`/customer/${nobody}`)).toEqual({ ids: [], link: null });
  }
});

describe("what is wrong is refused, names the field, and makes nothing:", () => {
  const item = { productId: 1, quantity: 1 };
  test.each<[what: string, body: object, field: string]>([
    ["no customer", { items: [item] }, "customerId"],
    ["an empty customer", { customerId: " ", items: [item] }, "customerId"],
    ["no items", { customerId: 1 }, "items"],
    ["an empty cart", { customerId: 1, items: [] }, "items"],
    ["101 lines", { customerId: 1, items: Array.from({ length: 101 }, () => item) }, "items"],
    ["no product", { customerId: 1, items: [{ quantity: 1 }] }, "items.0.productId"],
    ["a product 0", { customerId: 1, items: [{ ...item, productId: 0 }] }, "items.0.productId"],
    ["no units", { customerId: 1, items: [{ ...item, quantity: 0 }] }, "items.0.quantity"],
    ["half a unit", { customerId: 1, items: [{ ...item, quantity: 0.5 }] }, "items.0.quantity"],
    ["a price", { customerId: 1, items: [{ ...item, price: 1 }] }, "items.0.price"],
  ])("%s", async (_what, body, field) => {
    const before = await bed.orders(orders);
    expect(await post(body)).toMatchObject({ status: 400, body: { field } });
    expect(await bed.orders(orders)).toEqual(before);
  });

  test("a status that is none, or no order", async () => {
    const productId = await bed.product(1);
    const { id } = await made({ customerId: 1, items: [{ productId, quantity: 1 }] });
    for (const status of ["PENDING", "SHIPPED", ""]) {
      expect(await put(id, status)).toMatchObject({ status: 409, body: { field: "status" } });
    }
    expect((await put(999_999, "CONFIRMED")).status).toBe(404);
    for (const unknown of ["x", "0", "1.5", "99999999999999999"]) {
      expect((await get(`/${unknown}`)).status).toBe(404);
    }
  });
});

test("afterwards no stock is held without an order, and no order is without its stock", async () => {
  await until(async () => (await bed.audit(orders)).wrong.length === 0, {
    ...SOON,
    what: "orders and reservations agree",
  });
  expect((await bed.audit(orders)).seen).toBeGreaterThan(20);
});
