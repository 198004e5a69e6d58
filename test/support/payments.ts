/** The payment service beside orders, for tests; and whether payments, orders and the ledger agree. */
import { z } from "zod";
import { createPostgres } from "#postgres/client";
import { Order, type OrdersShop } from "#test/orders";
import type { Service } from "#test/service";
import { ask, type Answer } from "#test/shop";
import { until } from "#test/until";

const SETTLED = { withinMs: 50_000 };

export const Payment = z.looseObject({
  id: z.string(),
  orderId: z.number(),
  amount: z.number(),
  status: z.enum(["PENDING", "SUCCEEDED", "FAILED", "REFUNDED"]),
  reason: z.string().optional(),
});
export type Payment = z.output<typeof Payment>;
const PaidOrder = Order.extend({ totalAmount: z.number(), paymentId: z.string().optional() });
const Units = z.array(z.object({ productId: z.string(), units: z.coerce.number() }));

export interface Pays extends AsyncDisposable {
  readonly service: Service;
  post(body: object, token?: string, key?: string): Promise<Answer>;
  /** Begins one that is decided by a word alone. */
  begin(orderId: number): Promise<Payment>;
  decide(id: string, outcome: "SUCCEEDED" | "FAILED"): Promise<Answer>;
  get(id: string): Promise<Payment>;
  become(id: string, status: Payment["status"]): Promise<Payment>;
  /** How often it was tried to tell orders, or was done. */
  triesOf(id: string): Promise<number>;
  /** Orders have said what becomes of each that was decided, and no step of an order is open. */
  settled(): Promise<void>;
  /** What is wrong; also how much was looked at. */
  audit(orders: Service): Promise<{ readonly wrong: readonly string[]; readonly seen: number }>;
}

export async function openPayments(
  bed: OrdersShop,
  orders: Service,
  env: Readonly<Record<string, string>> = {},
): Promise<Pays> {
  const service = await bed.shop.start("payment", { ORDERS_URL: orders.url, ...env });
  const sql = createPostgres(bed.shop.databaseUrl);
  const call = (method: string, path: string, body?: object, token = bed.admin, key?: string) =>
    ask(
      service,
      method,
      `/api/payments${path}`,
      body,
      token,
      key === undefined ? {} : { "idempotency-key": key },
    );
  const post = (body: object, token?: string, key?: string): Promise<Answer> =>
    call("POST", "", body, token, key);
  const get = async (id: string): Promise<Payment> =>
    Payment.parse((await call("GET", `/${id}`)).body);
  return {
    service,
    post,
    get,
    begin: async (orderId) => Payment.parse((await post({ orderId, method: "card_open" })).body),
    decide: (id, outcome) => call("POST", `/${id}/outcome`, { outcome }),
    become: (id, status) =>
      until(
        async () => {
          const payment = await get(id);
          return payment.status === status && payment;
        },
        { ...SETTLED, what: `payment ${id} is ${status}` },
      ),
    async triesOf(id) {
      const [row] = await sql`SELECT tries FROM payment.outbox WHERE payment_id = ${id}`;
      return Number(row?.["tries"]);
    },
    async settled() {
      await until(
        async () => {
          const [open] = await sql`SELECT
            (SELECT count(*) FROM payment.outbox WHERE done_at IS NULL)
            + (SELECT count(*) FROM payment.payments WHERE state = 'PENDING' AND due_at <= now())
            + (SELECT count(*) FROM orders.strays)
            + (SELECT count(*) FROM orders.orders WHERE state NOT IN
                ('REFUSED', 'PENDING', 'CONFIRMED', 'CANCELLED')) AS number`;
          return Number(open?.["number"]) === 0;
        },
        { ...SETTLED, what: "all payments are told, and no step is open" },
      );
    },
    async audit(of) {
      const told = (await call("GET", "")).body;
      const listed = await ask(of, "GET", "/api/orders", undefined, bed.admin);
      const paid = PaidOrder.array().parse(listed.body);
      const sold = await sql`SELECT product_id AS "productId",
          sum(on_hand_before - on_hand_after) AS units
        FROM movements WHERE type IN ('SALE', 'RETURN') GROUP BY product_id`;
      const payments = Payment.array().parse(told);
      const wrong = [...moneyOf(payments, paid), ...unitsOf(paid, Units.parse([...sold]))];
      return { wrong, seen: payments.length };
    },
    async [Symbol.asyncDispose]() {
      await sql.end();
    },
  };
}

/** No payment is kept without its order, and no paid order is without its payment. */
function moneyOf(payments: readonly Payment[], orders: readonly z.output<typeof PaidOrder>[]) {
  const wrong: string[] = [];
  for (const { id, orderId, amount, status } of payments) {
    const order = orders.find((one) => one.id === orderId);
    const isOf = order?.status === "CONFIRMED" && order.paymentId === id;
    if (isOf !== (status === "SUCCEEDED")) {
      wrong.push(
        `${id} is ${status}, its order ${orderId} ${order?.status} by ${order?.paymentId}`,
      );
    }
    if (order?.totalAmount !== amount)
      wrong.push(`${id} is of ${amount}, not ${order?.totalAmount}`);
  }
  const ids = new Set(payments.map(({ id }) => id));
  for (const { id, paymentId } of orders) {
    if (paymentId !== undefined && !ids.has(paymentId)) wrong.push(`order ${id} has no payment`);
  }
  return wrong;
}

/** What the ledger says was sold and did not come back is what was ordered and confirmed. */
function unitsOf(orders: readonly Order[], sold: z.output<typeof Units>): readonly string[] {
  const wanted = new Map<string, number>();
  for (const { status, items } of orders) {
    for (const { productId, quantity } of status === "CONFIRMED" ? items : []) {
      wanted.set(String(productId), (wanted.get(String(productId)) ?? 0) + quantity);
    }
  }
  const counted = new Map(sold.map(({ productId, units }) => [productId, units]));
  return [...new Set([...wanted.keys(), ...counted.keys()])].flatMap((productId) => {
    const [of, is] = [wanted.get(productId) ?? 0, counted.get(productId) ?? 0];
    return of === is ? [] : [`of ${productId} ${of} are ordered, ${is} sold`];
  });
}
