/**
 * Late payments while orders, or payment, are killed at each step, seen from outside: what each sends goes
 * through lines that kill it before something arrives, or when it has arrived.
 */
import { afterAll, expect, test } from "bun:test";
import { createPostgres } from "#postgres/client";
import { falseClock } from "#test/false-clock";
import { openOrdersShop, Order } from "#test/orders";
import { openLines, type Choice } from "#test/orders-lines";
import { openPayments } from "#test/payments";
import { Random } from "#test/random";
import { counted, seed } from "#test/scale";
import { ask } from "#test/shop";
import { until } from "#test/until";

const clock = await falseClock();
let ahead = 0;
const bed = await openOrdersShop(clock.redis);
const { admin, shop } = bed;
const { databaseUrl } = shop;
const ofOrders = await openLines(shop.inventory.url, databaseUrl);
const orders = await bed.startOrders(ofOrders.env);
const ofPayment = await openLines(orders.url, databaseUrl);
const { INVENTORY_URL: ORDERS_URL = "", DATABASE_URL = "" } = ofPayment.env;
const pays = await openPayments(bed, orders, { ORDERS_URL, DATABASE_URL });
const sql = createPostgres(databaseUrl);
afterAll(async () => {
  await sql.end();
  await pays[Symbol.asyncDispose]();
  await ofOrders[Symbol.asyncDispose]();
  await ofPayment[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const SOON = { withinMs: 50_000 };
const LATE_SECONDS = 16 * 60;
const UNITS = 3;

interface Case {
  readonly id: number;
  readonly paymentId: string;
  readonly productId: number;
}

interface Kill {
  readonly who: "orders" | "payment";
  /** `upstream`: the inventory of orders, and orders of payment. */
  readonly line: "upstream" | "database";
  readonly match: RegExp;
  /** What it has changed when it arrived; not given: it is killed before that. */
  readonly arrived?: (one: Case) => Promise<boolean>;
  /** Whether the units that the hold had are there still. */
  readonly stock: "there" | "gone";
}

const stateOf = async ({ id }: Case): Promise<string> => {
  const [row] = await sql`SELECT state FROM orders.orders WHERE id = ${id}`;
  return String(row?.["state"]);
};
const is = (state: string) => async (one: Case) => (await stateOf(one)) === state;
const heard = async ({ paymentId }: Case) =>
  (await sql`SELECT 1 FROM orders.payments WHERE id = ${paymentId}`).length === 1;
const judged = async ({ paymentId }: Case) =>
  (
    await sql`SELECT 1 FROM orders.payments
    WHERE id = ${paymentId} AND verdict IS NOT NULL`
  ).length === 1;
const sold = async ({ productId }: Case) => (await bed.stock(productId)).totalStock === 0;

/** Values come to PostgreSQL without quotes, those in statements and in JSON with them. */
const HEARD = /\bpay_[a-z0-9]{24}\b/;
const LATE = /\bpay_[a-z0-9]{24}\b[^]*(?<!')the reservation expired(?!')/;
const SELL = /^POST \S+\/confirm /;
const SALE = /(?<!")p\d+-[0-9a-f]{32}-[a-z0-9]{8}/;
const GIVEN_UP = /(?<!')and there was not enough stock/;
const KEPT = /(?<!['"])\bkept\b/;
const REFUND = /(?<!['"])\brefund\b/;
const DECIDED = /(?<!['"])\bSUCCEEDED\b/;
const NOTED = /\bmsg_[a-z0-9]{24}\b/;
const TELL = /^POST \/internal\/payments /;
const GIVEN_BACK = /(?<!['"])the order was cancelled:/;

const KILLS: readonly (readonly [what: string, kill: Kill])[] = [
  ["the payment is about to be noted", k("orders", "database", HEARD, "there")],
  ["the payment was noted", k("orders", "database", HEARD, "there", heard)],
  ["it is about to be taken up", k("orders", "database", LATE, "there")],
  ["it was taken up", k("orders", "database", LATE, "there", is("REACQUIRING"))],
  ["it is about to be sold", k("orders", "upstream", SELL, "there")],
  ["it was sold", k("orders", "upstream", SELL, "there", sold)],
  ["the sale is about to be noted", k("orders", "database", SALE, "there")],
  ["the sale was noted", k("orders", "database", SALE, "there", is("CONFIRMED"))],
  ["it is about to be said that the money is kept", k("orders", "database", KEPT, "there")],
  ["it was said that the money is kept", k("orders", "database", KEPT, "there", judged)],
  ["nothing is there, and it is about to be sold", k("orders", "upstream", SELL, "gone")],
  ["it is about to be given up", k("orders", "database", GIVEN_UP, "gone")],
  ["it was given up", k("orders", "database", GIVEN_UP, "gone", is("CANCELLED"))],
  ["it is about to be said that the money goes back", k("orders", "database", REFUND, "gone")],
  ["it was said that the money goes back", k("orders", "database", REFUND, "gone", judged)],
  ["payment is about to decide", k("payment", "database", DECIDED, "there")],
  ["payment is about to write what orders are told", k("payment", "database", NOTED, "there")],
  ["payment is about to tell", k("payment", "upstream", TELL, "there")],
  ["payment has told", k("payment", "upstream", TELL, "there", judged)],
  ["payment is about to give back", k("payment", "database", GIVEN_BACK, "gone")],
];

function k(
  who: Kill["who"],
  line: Kill["line"],
  match: RegExp,
  stock: Kill["stock"],
  arrived?: Kill["arrived"],
): Kill {
  return { who, line, match, stock, ...(arrived === undefined ? {} : { arrived }) };
}

/** Each run draws some of them; a long one has them all. */
const DRAWN = new Random(seed()).shuffled(KILLS).slice(0, counted(3, KILLS.length));

const order = async (productId: number, quantity: number) => {
  const body = { customerId: 1, items: [{ productId, quantity }] };
  return Order.parse((await ask(orders, "POST", "/api/orders", body, admin)).body).id;
};
const orderOf = async (id: number) =>
  Order.parse((await ask(orders, "GET", `/api/orders/${id}`, undefined, admin)).body);

/** An order whose payment is under way, and whose hold has expired meanwhile. */
async function late(stock: Kill["stock"]): Promise<Case> {
  const productId = await bed.product(UNITS);
  const id = await order(productId, UNITS);
  const { id: paymentId } = await pays.begin(id);
  clock.set((ahead += LATE_SECONDS));
  await ask(shop.inventory, "POST", "/api/inventory/cleanup-expired", {}, admin);
  await until(async () => (await orderOf(id)).status === "CANCELLED", {
    ...SOON,
    what: "the order is cancelled",
  });
  if (stock === "gone") {
    const other = await order(productId, 1);
    const path = `/api/orders/${other}/status`;
    expect((await ask(orders, "PUT", path, { status: "CONFIRMED" }, admin)).status).toBe(200);
  }
  return { id, paymentId, productId };
}

/** The payment succeeds, and who is at it is killed at that moment. */
async function killedAt(one: Case, { who, line, match, arrived }: Kill): Promise<void> {
  const service = who === "orders" ? orders : pays.service;
  const its = who === "orders" ? ofOrders : ofPayment;
  let isMet = false;
  const choose: Choice = (request) => {
    if (isMet || !match.test(request)) return "pass";
    isMet = true;
    if (arrived !== undefined) return "silence";
    service.signal("SIGKILL");
    return "drop";
  };
  its.harm(line === "database" ? { database: choose } : { inventory: choose });
  const word = pays.decide(one.paymentId, "SUCCEEDED").catch(() => null);
  await until(() => isMet, { ...SOON, what: "the moment has come" });
  if (arrived !== undefined) {
    await until(() => arrived(one), { ...SOON, what: "it has arrived" });
  }
  await service.kill();
  await word;
  its.harm({});
  await service.restart();
}

test.each(DRAWN)("killed when %s", async (_what, kill) => {
  const one = await late(kill.stock);
  await killedAt(one, kill);
  // Whoever says the outcome asks again where nobody answered.
  expect((await pays.decide(one.paymentId, "SUCCEEDED")).status).toBe(200);
  await pays.settled();
  const isThere = kill.stock === "there";
  const payment = await pays.get(one.paymentId);
  expect(payment.status).toBe(isThere ? "SUCCEEDED" : "REFUNDED");
  expect((await orderOf(one.id)).status).toBe(isThere ? "CONFIRMED" : "CANCELLED");
  expect(await bed.stock(one.productId)).toMatchObject({
    totalStock: isThere ? 0 : UNITS - 1,
    reservedStock: 0,
  });
  await until(async () => (await bed.audit(orders)).wrong.length === 0, {
    ...SOON,
    what: "orders and reservations agree",
  });
});

test("all of it: payments, orders and the ledger agree", async () => {
  const { wrong, seen } = await pays.audit(orders);
  expect(wrong).toEqual([]);
  expect(seen).toBe(DRAWN.length);
});
