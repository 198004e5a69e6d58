/**
 * Orders whose process is killed at each step, seen from outside: what it sends to the inventory and to
 * PostgreSQL goes through lines that kill it before something arrives, or when it has arrived.
 */
import { afterAll, expect, test } from "bun:test";
import { createPostgres } from "#postgres/client";
import { openOrdersShop, Order } from "#test/orders";
import { openLines, type Choice } from "#test/orders-lines";
import { Random } from "#test/random";
import { counted, isLong, seed } from "#test/scale";
import { ask, type Answer } from "#test/shop";
import { until } from "#test/until";

const bed = await openOrdersShop();
const { admin } = bed;
const sql = createPostgres(bed.shop.databaseUrl);

const lines = await openLines(bed.shop.inventory.url, bed.shop.databaseUrl);
const orders = await bed.startOrders(lines.env);
afterAll(async () => {
  await sql.end();
  await lines[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const SOON = { withinMs: 50_000 };
const STOCK = 10;
const UNITS = 2;

const named = (key: string | undefined) => (key === undefined ? {} : { "idempotency-key": key });
const post = (customerId: string, productId: number, key?: string): Promise<Answer> => {
  const body = { customerId, items: [{ productId, quantity: UNITS }] };
  return ask(orders, "POST", "/api/orders", body, admin, named(key));
};
const put = (id: number, status: string): Promise<Answer> =>
  ask(orders, "PUT", `/api/orders/${id}/status`, { status }, admin);
const of = async (customerId: string) => {
  const path = `/api/orders/customer/${customerId}`;
  return Order.array().parse((await ask(orders, "GET", path, undefined, admin)).body);
};
const stateOf = async (customerId: string): Promise<string> => {
  const rows = await sql`SELECT state FROM orders.orders WHERE customer_id = ${customerId}`;
  return rows.map((row) => String(row["state"])).join();
};
/** An order without a key is let alone for a while, for its request may be under way; in a short run that is over. */
const aWhilePasses = async (): Promise<void> => {
  if (isLong) return;
  await sql`UPDATE orders.orders SET open_at = now() WHERE state = 'RESERVING'`;
};
const nothingIsOpen = () =>
  until(
    async () => {
      const open = await sql`SELECT 1 FROM orders.orders
        WHERE state IN ('RESERVING', 'WITHDRAWING', 'CONFIRMING', 'CANCELLING')`;
      return open.length === 0 && (await sql`SELECT 1 FROM orders.strays`).length === 0;
    },
    { ...SOON, what: "no step is open" },
  );
const agree = () =>
  until(async () => (await bed.audit(orders)).wrong.length === 0, {
    ...SOON,
    what: "orders and reservations agree",
  });

/** What goes over a line at a step. Values come to PostgreSQL without quotes, those in statements and in JSON with them. */
const value = (word: string) => new RegExp(`(?<!')\\b${word}\\b(?!')`);
const RESERVE = { line: "inventory", match: /^POST \/api\/inventory\/reservations / } as const;
const CONFIRM = { line: "inventory", match: /^POST \S+\/confirm / } as const;
const CANCEL = { line: "inventory", match: /^POST \S+\/cancel / } as const;
const WRITTEN = { line: "database", match: /\border-[a-z0-9]{24}\b/ } as const;
const HELD = { line: "database", match: /(?<!")p\d+-[0-9a-f]{32}-[a-z0-9]{8}/ } as const;
const note = (word: string) => ({ line: "database", match: value(word) }) as const;

interface Kill {
  readonly at: { readonly line: "inventory" | "database"; readonly match: RegExp };
  /** Before it arrives, or when it has. */
  readonly when: "before" | "after";
  readonly during: "order" | "CONFIRMED" | "CANCELLED";
  /** What has become of the order, in which states its row may be found dead. */
  readonly dead: string;
  readonly becomes: "none" | "PENDING" | "CONFIRMED" | "CANCELLED";
}

const KILLS: readonly (readonly [what: string, kill: Kill])[] = [
  ["the order is about to be written", k(WRITTEN, "before", "order", "", "none")],
  ["the order was written", k(WRITTEN, "after", "order", "RESERVING", "none")],
  ["the cart is about to be held", k(RESERVE, "before", "order", "RESERVING", "none")],
  ["the cart was held", k(RESERVE, "after", "order", "RESERVING", "none")],
  ["the hold is about to be noted", k(HELD, "before", "order", "RESERVING", "none")],
  [
    "a confirm is about to be noted",
    k(note("CONFIRMING"), "before", "CONFIRMED", "PENDING", "PENDING"),
  ],
  ["a confirm was noted", k(note("CONFIRMING"), "after", "CONFIRMED", "CONFIRMING", "CONFIRMED")],
  ["it is about to be sold", k(CONFIRM, "before", "CONFIRMED", "CONFIRMING", "CONFIRMED")],
  ["it was sold", k(CONFIRM, "after", "CONFIRMED", "CONFIRMING", "CONFIRMED")],
  [
    "the sale is about to be noted",
    k(note("CONFIRMED"), "before", "CONFIRMED", "CONFIRMING", "CONFIRMED"),
  ],
  ["the sale was noted", k(note("CONFIRMED"), "after", "CONFIRMED", "CONFIRMED", "CONFIRMED")],
  [
    "a cancel is about to be noted",
    k(note("CANCELLING"), "before", "CANCELLED", "PENDING", "PENDING"),
  ],
  ["a cancel was noted", k(note("CANCELLING"), "after", "CANCELLED", "CANCELLING", "CANCELLED")],
  ["it is about to be given back", k(CANCEL, "before", "CANCELLED", "CANCELLING", "CANCELLED")],
  ["it was given back", k(CANCEL, "after", "CANCELLED", "CANCELLING", "CANCELLED")],
  [
    "the end is about to be noted",
    k(note("CANCELLED"), "before", "CANCELLED", "CANCELLING", "CANCELLED"),
  ],
  ["the end was noted", k(note("CANCELLED"), "after", "CANCELLED", "CANCELLED", "CANCELLED")],
];

function k(
  at: Kill["at"],
  when: Kill["when"],
  during: Kill["during"],
  dead: string,
  becomes: Kill["becomes"],
): Kill {
  return { at, when, during, dead, becomes };
}

/** Each run draws some of them; a long one has them all. */
const random = new Random(seed());
const DRAWN = random.shuffled(KILLS).slice(0, counted(5, KILLS.length));
const OF_MAKING = KILLS.filter(([, { during }]) => during === "order");
const DRAWN_UNDER_A_KEY = random.shuffled(OF_MAKING).slice(0, counted(2, OF_MAKING.length));

let count = 0;

/** Kills the process at that moment; answers whose order it is, and of what. */
async function killedAt({ at, when, during, dead }: Kill, key?: string) {
  const productId = await bed.product(STOCK);
  const customerId = `c-${(count += 1)}`;
  const made = during === "order" ? null : Order.parse((await post(customerId, productId)).body);
  const before = await bed.stock(productId);
  let isMet = false;
  const choose: Choice = (request) => {
    if (isMet || !at.match.test(request)) return "pass";
    isMet = true;
    if (when === "after") return "silence";
    orders.signal("SIGKILL");
    return "drop";
  };
  lines.harm({ [at.line]: choose });
  const asked = made === null ? post(customerId, productId, key) : put(made.id, during);
  const heard = asked.then(
    ({ status }) => status,
    () => null,
  );
  await until(() => isMet, { ...SOON, what: "the moment has come" });
  if (when === "after") {
    const hasArrived = async (): Promise<boolean> =>
      at.line === "database"
        ? (await stateOf(customerId)) === dead
        : JSON.stringify(await bed.stock(productId)) !== JSON.stringify(before);
    await until(hasArrived, { ...SOON, what: "it has arrived" });
  }
  await orders.kill();
  expect(await heard).toBeNull();
  expect(await stateOf(customerId)).toBe(dead);
  lines.harm({});
  await orders.restart();
  return { customerId, productId };
}

const LEFT = {
  none: { totalStock: STOCK, reservedStock: 0 },
  PENDING: { totalStock: STOCK, reservedStock: UNITS },
  CONFIRMED: { totalStock: STOCK - UNITS, reservedStock: 0 },
  CANCELLED: { totalStock: STOCK, reservedStock: 0 },
};

test.each(DRAWN)("killed when %s", async (_what, kill) => {
  const { customerId, productId } = await killedAt(kill);
  await aWhilePasses();
  await nothingIsOpen();
  const told = (await of(customerId)).map(({ status }) => status).join();
  expect(told).toBe(kill.becomes === "none" ? "" : kill.becomes);
  expect(await bed.stock(productId)).toMatchObject(LEFT[kill.becomes]);
  await agree();
});

test.each(DRAWN_UNDER_A_KEY)(
  "who has a key hears after it: killed when %s",
  async (_what, kill) => {
    const key = crypto.randomUUID();
    const { customerId, productId } = await killedAt(kill, key);
    const again = await post(customerId, productId, key);
    expect(again.status).toBe(201);
    expect(await of(customerId)).toEqual([Order.parse(again.body)]);
    expect(await bed.stock(productId)).toMatchObject(LEFT.PENDING);
    await nothingIsOpen();
    expect(await of(customerId)).toEqual([Order.parse(again.body)]);
    await agree();
  },
);

test("all of it: no stock is held without an order, and no order is without its stock", async () => {
  await agree();
  const { wrong, seen } = await bed.audit(orders);
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThanOrEqual(2 * DRAWN_UNDER_A_KEY.length);
});
