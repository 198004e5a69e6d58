/** Products as a process beside the inventory: each product's item follows exactly once. */
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { createPostgres } from "#postgres/client";
import { ADMIN, ask, JOHN, openShop } from "#test/shop";
import { until } from "#test/until";

const shop = await openShop();
const products = await shop.start("products");
const admin = await shop.tokenOf(ADMIN);
const john = await shop.tokenOf(JOHN);
afterAll(() => shop[Symbol.asyncDispose]());

const Made = z.looseObject({ id: z.number(), sku: z.string() });
const MOUSE = {
  name: "Gaming Mouse",
  description: "RGB Gaming Mouse",
  price: 49.99,
  category: "Electronics",
};
const make = async (fields: object = {}) =>
  Made.parse((await ask(products, "POST", "/api/products", { ...MOUSE, ...fields }, admin)).body);
const item = (id: number) => ask(shop.inventory, "GET", `/api/inventory/product/${id}`);
const itemIsThere = (id: number) =>
  until(async () => (await item(id)).status === 200, {
    withinMs: 40_000,
    what: "the item is there",
  });

test("a product is made, and its inventory item follows with its stock and reorder point", async () => {
  const made = await make({ initialStock: 7 });
  expect(made).toMatchObject({ ...MOUSE, sku: `P-${made.id}`, createdAt: expect.any(String) });
  await itemIsThere(made.id);
  expect((await item(made.id)).body).toMatchObject({
    sku: `P-${made.id}`,
    name: MOUSE.name,
    price: MOUSE.price,
    totalStock: 7,
    reorderPoint: 5,
    reorderQuantity: 20,
  });
  const told = await ask(products, "GET", `/api/products/${made.id}?include=stock`);
  expect(told.body).toMatchObject({
    ...MOUSE,
    stock: { totalStock: 7, reservedStock: 0, availableStock: 7 },
  });
});

test("while the inventory is away the product stands; its item follows once it is back, once", async () => {
  await shop.inventory.kill();
  const made = await make({ name: "made in the dark", initialStock: 3 });
  const alone = await ask(products, "GET", `/api/products/${made.id}?include=stock`);
  expect(alone.status).toBe(200);
  expect(alone.body).not.toHaveProperty("stock");
  await products.kill();
  await products.restart();
  await shop.inventory.restart();
  await itemIsThere(made.id);
  expect((await item(made.id)).body).toMatchObject({ totalStock: 3 });
  const sql = createPostgres(shop.databaseUrl);
  await until(
    async () => (await sql`SELECT 1 FROM products.outbox WHERE done_at IS NULL`).length === 0,
    { withinMs: 10_000, what: "nothing waits in the outbox" },
  );
  const path = `/api/inventory/product/${made.id}/movements`;
  const movements = await ask(shop.inventory, "GET", path, undefined, admin);
  expect(JSON.stringify(movements.body).match(/"INITIAL"/g)).toHaveLength(1);
  // As if its job had died between the call and the note of it.
  await sql`UPDATE products.outbox SET done_at = NULL WHERE product_id = ${made.id}`;
  await products.restart();
  await until(
    async () => (await sql`SELECT 1 FROM products.outbox WHERE done_at IS NULL`).length === 0,
    { withinMs: 10_000, what: "it is told again, and done" },
  );
  expect((await item(made.id)).body).toMatchObject({ totalStock: 3 });
  await sql.end();
});

test("products are listed, searched, and paged in order", async () => {
  const names = ["Blue lamp", "Red lamp", "100% wool_scarf"];
  const made = [];
  for (const name of names) made.push(await make({ name, category: "Home", description: "" }));
  const List = z.array(Made);
  const list = async (query: string) => {
    const { body, headers } = await ask(products, "GET", `/api/products?${query}`);
    return { ids: List.parse(body).map(({ id }) => id), link: headers.get("link") };
  };
  const ids = made.map(({ id }) => id);
  expect((await list("category=Home")).ids).toEqual(ids);
  expect((await list("q=LAMP")).ids).toEqual(ids.slice(0, 2));
  expect((await list("q=0%25 wool_")).ids).toEqual(ids.slice(2));
  expect((await list("q=nothing like it")).ids).toEqual([]);
  const first = await list("category=Home&limit=2");
  expect(first.ids).toEqual(ids.slice(0, 2));
  const next = /<\/api\/products\?([^>]+)>; rel="next"/.exec(first.link ?? "")?.[1] ?? "";
  expect(await list(next)).toEqual({ ids: ids.slice(2), link: null });
});

test("a product changes and goes; one that somebody holds stays, and can be had on", async () => {
  const made = await make({ initialStock: 5 });
  await itemIsThere(made.id);
  const path = `/api/products/${made.id}`;
  const changed = await ask(products, "PUT", path, { price: 10.5, name: "Cheaper" }, admin);
  expect(changed.body).toMatchObject({ price: 10.5, name: "Cheaper", category: "Electronics" });
  const reserve = `/api/inventory/product/${made.id}/reserve`;
  const held = await ask(shop.inventory, "POST", reserve, { orderId: "o1", quantity: 2 }, john);
  expect(held.status).toBe(201);
  const refused = await ask(products, "DELETE", path, undefined, admin);
  expect(refused).toMatchObject({ status: 409, body: { reservedStock: 2 } });
  expect((await ask(products, "GET", path)).status).toBe(200);
  expect((await item(made.id)).body).toMatchObject({ availableStock: 3 });
  const Held = z.looseObject({ reservation: z.looseObject({ reservationId: z.string() }) });
  const id = Held.parse(held.body).reservation.reservationId;
  await ask(shop.inventory, "POST", `/api/inventory/reservation/${id}/cancel`, {}, john);
  expect((await ask(products, "DELETE", path, undefined, admin)).status).toBe(204);
  expect((await ask(products, "GET", path)).status).toBe(404);
  // Nobody can be promised what is not sold any more.
  const late = await ask(shop.inventory, "POST", reserve, { orderId: "o2", quantity: 1 }, john);
  expect(late.status).toBe(409);
});

describe("what is wrong is refused, names the field, and makes nothing:", () => {
  test.each<[what: string, body: object, field: string]>([
    ["no name", { price: 1 }, "name"],
    ["an empty name", { name: " ", price: 1 }, "name"],
    ["no price", { name: "a" }, "price"],
    ["a price as text", { name: "a", price: "1" }, "price"],
    ["a price below zero", { name: "a", price: -1 }, "price"],
    ["a third decimal", { name: "a", price: 1.001 }, "price"],
    ["stock below zero", { name: "a", price: 1, initialStock: -1 }, "initialStock"],
    ["a SKU that is none", { name: "a", price: 1, sku: "a b" }, "sku"],
    ["what is not known", { name: "a", price: 1, colour: "red" }, "colour"],
    ["what no text has", { name: "a\0b", price: 1 }, "name"],
  ])("%s", async (_what, body, field) => {
    const before = await ask(products, "GET", "/api/products?limit=1000");
    const refused = await ask(products, "POST", "/api/products", body, admin);
    expect(refused).toMatchObject({ status: 400, body: { field } });
    expect((await ask(products, "GET", "/api/products?limit=1000")).body).toEqual(before.body);
  });

  test.each(["x", "0", "1.5", "99999999999999999"])("the id %s is of no product", async (id) => {
    for (const method of ["GET", "DELETE"]) {
      expect((await ask(products, method, `/api/products/${id}`, undefined, admin)).status).toBe(
        404,
      );
    }
  });

  test.each([
    ["q=%00", "q"],
    ["after=x", "after"],
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["include=stock&limit=101", "limit"],
  ])("a list with %s", async (query, field) => {
    const refused = await ask(products, "GET", `/api/products?${query}`);
    expect(refused).toMatchObject({ status: 400, body: { field } });
    const { error } = z.looseObject({ error: z.string() }).parse(refused.body);
    expect(error.split(field)).toHaveLength(2);
  });

  test("a SKU that another product has", async () => {
    await make({ sku: "TAKEN" });
    const refused = await ask(products, "POST", "/api/products", { ...MOUSE, sku: "TAKEN" }, admin);
    expect(refused).toMatchObject({ status: 409, body: { field: "sku" } });
  });
});

test("a customer changes nothing; outside production whoever brings no token may try it", async () => {
  expect((await ask(products, "POST", "/api/products", MOUSE, john)).status).toBe(403);
  expect((await ask(products, "POST", "/api/products", MOUSE, "x.y.z")).status).toBe(401);
  expect((await ask(products, "POST", "/api/products", MOUSE)).status).toBe(201);
  await using strict = await shop.start("products", { NODE_ENV: "production" });
  expect((await ask(strict, "POST", "/api/products", MOUSE)).status).toBe(401);
  expect((await ask(strict, "GET", "/api/products")).status).toBe(200);
});
