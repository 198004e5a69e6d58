/**
 * A day of the whole shop, through its gateways alone: 200 customers register and want the last 20 units;
 * who has one pays, is declined, pays too late or changes his mind, and what comes back is sold again.
 * A long run has two processes of each, and kills one after the other meanwhile.
 */
import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { atOnce } from "#lib/at-once";
import { evidence } from "#test/evidence";
import { killInTurn } from "#test/killing";
import { differences, Order, reservationsBy } from "#test/orders";
import { counted, isLong } from "#test/scale";
import { runMain } from "#test/service";
import { until } from "#test/until";
import { openWholeShop, type Wish } from "#test/whole-shop";

const CUSTOMERS = 200;
const UNITS = 20;
/** Of the 20 who have one, so many pay, are declined, pay late, and change their minds. */
const EACH = UNITS / 4;
/** Of those who pay late, so many find nothing any more. */
const TOO_LATE = 2;
const PRICE = 49.99;
/** A password is hashed for longer than all else takes: what is tested is the sale. */
const REGISTERED_AT_ONCE = 8;
const COPIES = counted(1, 2);
/** Of each service, in a long run; a day is lived through again until then. */
const KILLS_MIN = 10;
const KILL_EVERY_MS = 1_000;
const HOLD_SECONDS = 15 * 60 + 5;
const SOON = { withinMs: 90_000 };
const TEST_MS_MAX = counted(150_000, 60 * 60_000);

const shop = await openWholeShop(COPIES);
afterAll(() => shop[Symbol.asyncDispose]());
const { admin, persist, servers } = shop;

const SignedIn = z.looseObject({ token: z.string() });
const Product = z.looseObject({ id: z.number(), sku: z.string() });
const Payment = z.looseObject({
  id: z.string(),
  orderId: z.number(),
  status: z.string(),
  amount: z.number(),
});
type Payment = z.output<typeof Payment>;
const Stock = z.looseObject({ totalStock: z.int(), reservedStock: z.int() });
const Movements = z.object({
  items: z.array(z.looseObject({ delta: Stock })),
  nextCursor: z.string().nullable(),
});

interface Customer {
  readonly number: number;
  readonly token: string;
}
interface Bought {
  readonly customer: Customer;
  readonly orderId: number;
}

/** What is there, for whoever may see it. */
async function get(path: string, token = admin): Promise<unknown> {
  const { status, body } = await persist({ method: "GET", path, token });
  if (status === 200) return body;
  throw new Error(`${path} was answered ${status}: ${JSON.stringify(body)}`);
}
const post = (wish: Omit<Wish, "method">) => persist({ method: "POST", ...wish });

/** Also where the answer to the registration was lost: who is registered then signs in. */
async function registered(number: number): Promise<Customer> {
  const body = { email: `customer-${number}@example.com`, password: `a password ${number}` };
  const address = `203.0.113.${number}`;
  let answer = await post({ path: "/api/auth/register", body, address });
  if (answer.status === 409) answer = await post({ path: "/api/auth/login", body, address });
  return { number, token: SignedIn.parse(answer.body).token };
}

/** A product that everybody can see with its stock. */
async function onSale(sku: string): Promise<number> {
  const body = { sku, name: `Gaming Mouse ${sku}`, price: PRICE, initialStock: UNITS };
  const made = await post({ path: "/api/products", body, token: admin });
  // The answer to the first try was lost: the SKU is taken, by this product.
  const found = made.status === 409 ? await get(`/api/products?q=${sku}`) : [made.body];
  const [product] = Product.array().parse(found);
  if (product === undefined) throw new Error(`${sku} is not there`);
  const path = `/api/products/${product.id}?include=stock`;
  await until(async () => z.looseObject({ stock: Stock }).safeParse(await get(path)).success, {
    ...SOON,
    what: "it is on sale",
  });
  return product.id;
}

/** Each of them, at once: who gets one, and who hears that there is none. */
async function buy(productId: number, customers: readonly Customer[], round: string) {
  const bought: Bought[] = [];
  let refused = 0;
  const one = async (customer: Customer): Promise<void> => {
    const { number, token } = customer;
    await get(`/api/products/${productId}?include=stock`, token);
    const body = { items: [{ productId, quantity: 1 }] };
    const key = `${round}-${number}`;
    const answer = await post({ path: "/api/orders", body, token, key });
    if (answer.status === 400) refused += 1;
    else if (answer.status === 201) bought.push({ customer, orderId: Order.parse(answer.body).id });
    else throw new Error(`${key} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  };
  await Promise.all(customers.map(one));
  return { bought, refused };
}

async function pay({ customer, orderId }: Bought, method: string): Promise<Payment> {
  const body = { orderId, method };
  const key = `pay-${orderId}`;
  return Payment.parse(
    (await post({ path: "/api/payments", body, token: customer.token, key })).body,
  );
}

const isCancelled = async ({ customer, orderId }: Bought): Promise<boolean> => {
  const path = `/api/orders/${orderId}/status`;
  const body = { status: "CANCELLED" };
  return (await persist({ method: "PUT", path, body, token: customer.token })).status < 500;
};

const become = (bought: readonly Bought[], status: string): Promise<unknown> =>
  Promise.all(
    bought.map(({ customer, orderId }) =>
      until(
        async () =>
          Order.parse(await get(`/api/orders/${orderId}`, customer.token)).status === status,
        { ...SOON, what: `order ${orderId} is ${status}` },
      ),
    ),
  );

/** All of a list, page by page. */
async function listed(path: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { body, headers } = await persist({ method: "GET", path: next, token: admin });
    found.push(...z.array(z.unknown()).parse(body));
    [, next] = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "") ?? [];
  }
  return found;
}

async function paymentsOf(orderIds: ReadonlySet<number>): Promise<readonly Payment[]> {
  const all = Payment.array().parse(await listed("/api/payments"));
  return all.filter(({ orderId }) => orderIds.has(orderId));
}

async function ledgerOf(productId: number): Promise<z.output<typeof Stock>> {
  const sum = { totalStock: 0, reservedStock: 0 };
  let cursor: string | null = "";
  while (cursor !== null) {
    const behind: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const path = `/api/inventory/movements?productId=${productId}&limit=200${behind}`;
    const { items, nextCursor } = Movements.parse(await get(path));
    for (const { delta } of items) {
      sum.totalStock += delta.totalStock;
      sum.reservedStock += delta.reservedStock;
    }
    cursor = nextCursor;
  }
  return sum;
}

let passed = 0;

/** From the first of 20 units to the last; everything that it left behind agrees. */
async function day(customers: readonly Customer[], round: string): Promise<void> {
  const productId = await onSale(`mouse-${round}`);
  const first = await buy(productId, customers, `${round}-first`);
  expect([first.bought.length, first.refused]).toEqual([UNITS, CUSTOMERS - UNITS]);
  const [payers = [], declined = [], late = [], sorry = []] = [0, 1, 2, 3].map((part) =>
    first.bought.slice(part * EACH, (part + 1) * EACH),
  );
  const waiting = await Promise.all([
    ...payers.map((one) => pay(one, "card_ok")),
    ...declined.map((one) => pay(one, "card_declined")),
    ...sorry.map(isCancelled),
    ...late.map((one) => pay(one, "card_open")),
  ]);
  await become(payers, "CONFIRMED");
  await become([...declined, ...sorry], "CANCELLED");
  // What came back is sold again, to others, but for some; the late ones run out of their time.
  const others = customers.filter((one) => first.bought.every(({ customer }) => customer !== one));
  const wanted = others.slice(0, 2 * EACH);
  const second = await buy(productId, wanted, `${round}-second`);
  expect(second.bought).toHaveLength(2 * EACH);
  passed += HOLD_SECONDS;
  await Promise.all(second.bought.map((one) => pay(one, "card_ok")));
  await become(second.bought, "CONFIRMED");
  shop.passTime(passed);
  await become(late, "CANCELLED");
  const third = await buy(productId, others.slice(0, TOO_LATE), `${round}-third`);
  await Promise.all(third.bought.map((one) => pay(one, "card_ok")));
  await become(third.bought, "CONFIRMED");
  const open = waiting.filter((one) => typeof one !== "boolean").slice(-EACH);
  for (const { id } of open) {
    const path = `/api/payments/${id}/outcome`;
    await post({ path, body: { outcome: "SUCCEEDED" }, token: admin, key: `bank-${id}` });
  }
  const orderIds = new Set(
    [first, second, third].flatMap((each) => each.bought.map((one) => one.orderId)),
  );
  const paid = async () =>
    Object.fromEntries(
      Map.groupBy(await paymentsOf(orderIds), ({ status }) => status)
        .entries()
        .map(([status, all]) => [status, all.length]),
    );
  await until(
    async () =>
      Bun.deepEquals(await paid(), { SUCCEEDED: UNITS, FAILED: EACH, REFUNDED: TOO_LATE }),
    {
      ...SOON,
      what: "each payment is at its end",
    },
  );
  const stock = Stock.parse(await get(`/api/inventory/product/${productId}`));
  expect(stock).toMatchObject({ totalStock: 0, reservedStock: 0 });
  expect(await ledgerOf(productId)).toEqual({ totalStock: 0, reservedStock: 0 });
  const orders = Order.array().parse(await listed("/api/orders"));
  const own = orders.filter(({ id }) => orderIds.has(id));
  expect(own.filter(({ status }) => status === "CONFIRMED")).toHaveLength(UNITS);
  for (const { amount } of await paymentsOf(orderIds)) expect(amount).toBe(PRICE);
}

test(
  isLong
    ? "one of each service is killed every few seconds: the sums agree all the same"
    : "200 customers buy the last 20 units, and the sums of orders, payments, holds and ledger agree",
  async () => {
    const customers: Customer[] = [];
    await atOnce([...Array(CUSTOMERS).keys()], REGISTERED_AT_ONCE, async (number) => {
      customers.push(await registered(number));
    });
    let days = 0;
    let kills = 0;
    if (isLong) {
      const killing = killInTurn(shop.instances, KILL_EVERY_MS);
      while (
        [...shop.instances.keys()].some((name) => (killing.kills.get(name) ?? 0) < KILLS_MIN)
      ) {
        await day(customers, `${days}`);
        days += 1;
      }
      await killing.stop();
      kills = killing.kills.values().reduce((sum, number) => sum + number, 0);
    } else {
      await day(customers, "0");
      days = 1;
    }
    const orders = Order.array().parse(await listed("/api/orders"));
    const reservations = await reservationsBy((path) =>
      persist({ method: "GET", path, token: admin }),
    );
    expect(differences(orders, reservations)).toMatchObject({ wrong: [] });
    expect(shop.failedReads).toEqual([]);
    const { redisUrl, databaseUrl } = servers;
    const verified = await runMain(["verify"], {
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
    });
    expect([verified.code, verified.output]).toEqual([0, expect.any(String)]);
    evidence("a whole shop", { days, kills, orders: orders.length, holds: reservations.length });
  },
  TEST_MS_MAX,
);
