/**
 * Products that are removed while their process is killed at each step, while several remove them at once,
 * and while the inventory is away. What it sends goes through lines that kill it before something arrives,
 * or when it has arrived.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { createPostgres } from "#postgres/client";
import { openLines, type Choice } from "#test/orders-lines";
import { Random } from "#test/random";
import { counted, seed } from "#test/scale";
import { ADMIN, ask, JOHN, openShop } from "#test/shop";
import { until } from "#test/until";

const shop = await openShop();
const sql = createPostgres(shop.databaseUrl);
const lines = await openLines(shop.inventory.url, shop.databaseUrl);
const products = await shop.start("products", lines.env);
const admin = await shop.tokenOf(ADMIN);
const john = await shop.tokenOf(JOHN);
afterAll(async () => {
  await sql.end();
  await lines[Symbol.asyncDispose]();
  await shop[Symbol.asyncDispose]();
});

const SOON = { withinMs: 50_000 };
const SAFETY = 3;
const STOCK = 9;
const HELD = 2;
const OFF_SALE = 1_000_000_000_000;
const Made = z.looseObject({ id: z.number(), sku: z.string() });
const Item = z.looseObject({ safetyStock: z.number(), availableStock: z.number() });
const Held = z.looseObject({ reservation: z.looseObject({ reservationId: z.string() }) });

const create = (fields: object = {}) => {
  const body = { name: "Gaming Mouse", price: 49.99, initialStock: STOCK, ...fields };
  return ask(products, "POST", "/api/products", body, admin);
};
const item = (id: number) => ask(shop.inventory, "GET", `/api/inventory/product/${id}`);
const itemOf = async (id: number) => Item.parse((await item(id)).body);
const remove = (id: number) => ask(products, "DELETE", `/api/products/${id}`, undefined, admin);
const isThere = async (id: number) =>
  (await ask(products, "GET", `/api/products/${id}`)).status === 200;
const removals = async (id: number) =>
  await sql`SELECT safety_stock, held FROM products.removals WHERE product_id = ${id}`;

/** A product with a safety stock, of which some units are held where that is wanted. */
async function made(isHeld: boolean): Promise<{ id: number; release: () => Promise<unknown> }> {
  const { id } = Made.parse((await create()).body);
  await until(async () => (await item(id)).status === 200, { ...SOON, what: "the item is there" });
  const path = `/api/inventory/product/${id}`;
  await ask(shop.inventory, "PATCH", path, { safetyStock: SAFETY }, admin);
  if (!isHeld) return { id, release: () => Promise.resolve() };
  const order = { orderId: `o${id}`, quantity: HELD };
  const held = await ask(shop.inventory, "POST", `${path}/reserve`, order, john);
  const { reservationId } = Held.parse(held.body).reservation;
  const cancel = `/api/inventory/reservation/${reservationId}/cancel`;
  return { id, release: () => ask(shop.inventory, "POST", cancel, {}, john) };
}
const nothingIsUnderWay = (id: number) =>
  until(
    async () => {
      await sql`UPDATE products.removals SET open_at = now() WHERE product_id = ${id}`;
      return (await removals(id)).length === 0;
    },
    { ...SOON, what: "no removal is under way" },
  );
/** On sale as it was, or gone and off sale: nothing else. */
async function mustBeWhole(id: number, isKept: boolean, held = 0): Promise<void> {
  expect(await isThere(id)).toBe(isKept);
  expect(await itemOf(id)).toMatchObject(
    isKept
      ? { safetyStock: SAFETY, availableStock: STOCK - SAFETY - held }
      : { safetyStock: OFF_SALE, availableStock: 0 },
  );
}

interface Step {
  readonly line: "inventory" | "database";
  readonly match: RegExp;
  /** Which of those that match. */
  readonly nth: number;
  readonly isHeld: boolean;
  /** Whether it has arrived. */
  readonly hasArrived: (id: number) => Promise<boolean>;
}
/** To PostgreSQL the key of a removal goes with each of its notes, in their order. */
const note = (nth: number, isHeld: boolean, hasArrived: Step["hasArrived"]): Step => {
  return { line: "database", match: /removal-[a-z0-9]{24}/, nth, isHeld, hasArrived };
};
const call = (what: "off" | "back", isHeld: boolean, safetyStock: number): Step => ({
  line: "inventory",
  match: new RegExp(`^PATCH [^]*removal-[a-z0-9]{24}-${what}`, "i"),
  nth: 1,
  isHeld,
  hasArrived: async (id) => (await itemOf(id)).safetyStock === safetyStock,
});
const row = async (id: number) => (await removals(id))[0] ?? null;
const STEPS: readonly (readonly [what: string, step: Step])[] = [
  ["it is begun", note(1, false, async (id) => (await row(id)) !== null)],
  [
    "its safety stock is written down",
    note(2, true, async (id) => (await row(id))?.["safety_stock"] === SAFETY),
  ],
  ["it is taken off sale", call("off", true, OFF_SALE)],
  ["it is taken off sale, and nobody holds any", call("off", false, OFF_SALE)],
  [
    "it is noted that some are held",
    note(3, true, async (id) => (await row(id))?.["held"] === HELD),
  ],
  ["it is put on sale again", call("back", true, SAFETY)],
  ["it is noted that it is over", note(4, true, async (id) => (await row(id)) === null)],
  ["the product goes", note(3, false, () => Promise.resolve(true))],
];
const KILLS = STEPS.flatMap(([what, step]) => [
  [`before ${what}`, step, false] as const,
  [`when ${what}`, step, true] as const,
]);

describe("a removal ends as if nobody had died, and nothing stays off sale that is sold: killed", () => {
  const drawn = new Random(seed()).shuffled(KILLS).slice(0, counted(3, KILLS.length));
  test.each(drawn)("%s", async (_what, { line, match, nth, isHeld, hasArrived }, isAfter) => {
    const { id } = await made(isHeld);
    let met = 0;
    const choose: Choice = (request) => {
      if (met === nth || !match.test(request)) return "pass";
      met += 1;
      if (met < nth) return "pass";
      if (isAfter) return "silence";
      products.signal("SIGKILL");
      return "drop";
    };
    lines.harm({ [line]: choose });
    const heard = remove(id).then(
      ({ status }) => status,
      () => null,
    );
    await until(() => met === nth, { ...SOON, what: "the moment has come" });
    if (isAfter) await until(() => hasArrived(id), { ...SOON, what: "it has arrived" });
    await products.kill();
    expect(await heard).toBeNull();
    lines.harm({});
    const wasBegun = met > 1 || line === "inventory" || isAfter;
    await products.restart();
    await nothingIsUnderWay(id);
    await mustBeWhole(id, isHeld || !wasBegun, isHeld ? HELD : 0);
  });
});

test("several that remove one product at once do what one does", async () => {
  const { id, release } = await made(true);
  const all = () => Promise.all(Array.from({ length: 6 }, () => remove(id)));
  expect((await all()).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 409));
  await mustBeWhole(id, true, HELD);
  const racing = all();
  await release();
  const statuses = (await racing).map(({ status }) => status);
  const isGone = statuses.includes(204);
  for (const status of statuses) expect([204, isGone ? 404 : 409, 409]).toContain(status);
  expect(await isThere(id)).toBe(!isGone);
  if (!isGone) expect((await remove(id)).status).toBe(204);
  await mustBeWhole(id, false);
  expect((await remove(id)).status).toBe(404);
});

test("while the inventory is away a removal is not lost; its item does not come when it is gone", async () => {
  const { id } = await made(false);
  await shop.inventory.kill();
  const late = Made.parse((await create({ name: "never there" })).body).id;
  const answers = await Promise.all([remove(id), remove(late)]);
  expect(answers.map(({ status }) => status)).toEqual([503, 503]);
  expect(answers[0]?.headers.get("retry-after")).toBe("1");
  expect([await isThere(id), await isThere(late)]).toEqual([true, true]);
  await shop.inventory.restart();
  await nothingIsUnderWay(id);
  await nothingIsUnderWay(late);
  await mustBeWhole(id, false);
  expect(await isThere(late)).toBe(false);
  expect((await itemOf(late)).availableStock).toBe(0);
});

test("what a product that is gone was known by is not another's, whose item could never be", async () => {
  const first = Made.parse((await create({ sku: "ONCE" })).body);
  expect((await remove(first.id)).status).toBe(204);
  expect(await create({ sku: "ONCE" })).toMatchObject({ status: 409, body: { field: "sku" } });
});
