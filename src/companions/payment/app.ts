/** Payment: a stand-in that takes no money, and does all else that one has to do. */
import type { Hono } from "hono";
import { z } from "zod";
import type { OrdersOfPayment, PaidOrder } from "#companions/payment/orders";
import {
  DECLINED,
  DELAY_SECONDS,
  isPaymentId,
  METHODS,
  STATES,
  toldPayment,
  type Payment,
} from "#companions/payment/payment";
import type { Payments } from "#companions/payment/store";
import { Refused, type ShellContext, type ShellEnv } from "#companions/shell/app";
import type { Caller, Role } from "#companions/shell/caller";
import { createService, type ServiceOptions } from "#companions/shell/service";
import { linkNext, pageOf } from "#companions/shell/pages";
import { whole } from "#companions/shell/parsed";
import type { Relay } from "#companions/shell/relay";
import { requestOf, type Request } from "#companions/shell/request";
import { byRole, inBody, inQuery, NOTHING, route, type ShellRoute } from "#companions/shell/route";

const PAGE_MAX = 1_000;
const DELAY_SECONDS_MAX = 86_400;

const Creation = z
  .strictObject({
    orderId: z.int().min(1, "must be a number from 1 on"),
    method: z.enum(METHODS, `must be one of ${METHODS.join(", ")}`),
    delaySeconds: z
      .int()
      .min(0)
      .max(DELAY_SECONDS_MAX, `must be at most ${DELAY_SECONDS_MAX}`)
      .optional(),
  })
  .refine(({ method, delaySeconds }) => method !== "card_open" || delaySeconds === undefined, {
    path: ["delaySeconds"],
    message: "is not for card_open, which waits for a word",
  });
const Decision = z.strictObject({ outcome: z.enum(["SUCCEEDED", "FAILED"]) });
const Query = z.strictObject({
  orderId: whole(1, Number.MAX_SAFE_INTEGER).optional(),
  ...pageOf(PAGE_MAX),
});
const Told = z
  .object({
    id: z.string(),
    orderId: z.int(),
    customerId: z.string(),
    amount: z.number(),
    method: z.enum(METHODS),
    status: z.enum(STATES),
    /** Why it failed, or the money went back. */
    reason: z.string().optional(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Payment" });
const UNKNOWN = { 404: "There is no such payment of this caller." };

const ANY_ROLE: readonly Role[] = ["admin", "service", "customer"];

export interface PaymentOptions extends ServiceOptions {
  readonly payments: Payments;
  readonly orders: OrdersOfPayment;
  readonly relay: Pick<Relay, "wake">;
}

export function createPaymentApp(options: PaymentOptions): Hono<ShellEnv> {
  return createService(options, {
    name: "Payment",
    look: () => options.payments.look(),
    routes: [paying(options), ...reads(options), deciding(options)],
  });
}

function paying({ payments, orders, relay, demand }: PaymentOptions): ShellRoute {
  const payable = async (caller: Caller, orderId: number): Promise<PaidOrder> => {
    const order = await orders.order(orderId);
    if (order === null || !isOwn(caller, order)) {
      throw new Refused(404, "Order not found", { field: "orderId" });
    }
    if (order.status === "PENDING") return order;
    throw new Refused(409, `the order is ${order.status}, and cannot be paid`, {
      status: order.status,
    });
  };
  const begun = async (
    caller: Caller,
    body: z.output<typeof Creation>,
    request: Request | null,
  ): Promise<Payment> => {
    const known = request === null ? null : await payments.byRequest(request);
    if (known !== null) return known;
    const { id: orderId, customerId, totalAmount: amount } = await payable(caller, body.orderId);
    const { method, delaySeconds = DELAY_SECONDS[body.method] } = body;
    const made = await payments.create({
      orderId,
      customerId,
      amount,
      method,
      delaySeconds,
      request,
    });
    if (made !== null) return made;
    const other = request === null ? null : await payments.byRequest(request);
    if (other !== null) return other;
    const first = await payments.alive(orderId);
    throw new Refused(
      409,
      "another payment of this order is under way, or has paid it",
      first === null ? {} : { paymentId: first.id },
    );
  };
  return route({
    method: "POST",
    path: "/api/payments",
    summary: "Pay an order",
    notes: "A stand-in, which takes no money: the method says what becomes of it.",
    by: byRole(demand, ANY_ROLE),
    takes: inBody(Creation),
    keyed: true,
    answers: { 201: Told },
    headers: ["Location"],
    refused: {
      404: "There is no such order of this caller.",
      409: "The order cannot be paid as it stands, or another payment is at it.",
      422: "This key was used for another payment.",
    },
    async handle(c, body, caller) {
      const { orderId, method, delaySeconds } = body;
      const request = requestOf(c, caller, [orderId, method, delaySeconds]);
      const payment = await begun(caller, body, request);
      if (request !== null && payment.requestHash !== request.hash) {
        throw new Refused(422, "this Idempotency-Key was used for another payment");
      }
      await relay.wake(payment.id);
      c.header("location", `/api/payments/${payment.id}`);
      return c.json(toldPayment(payment), 201);
    },
  });
}

function reads({ payments, demand }: PaymentOptions): readonly ShellRoute[] {
  const by = byRole(demand, ANY_ROLE);
  return [
    route({
      method: "GET",
      path: "/api/payments",
      summary: "All payments; a customer's own",
      by,
      takes: inQuery(Query),
      answers: { 200: z.array(Told) },
      headers: ["Link"],
      async handle(c, { orderId = null, ...page }, { role, subject }) {
        const customerId = role === "customer" ? subject : null;
        const found = await payments.list({ ...page, orderId, customerId });
        linkNext(c, found, page.limit, ({ number }) => number);
        return c.json(found.map(toldPayment));
      },
    }),
    route({
      method: "GET",
      path: "/api/payments/:id",
      summary: "A payment",
      by,
      takes: NOTHING,
      answers: { 200: Told },
      refused: UNKNOWN,
      handle: async (c, _, caller) => c.json(toldPayment(await visible(payments, c, caller))),
    }),
  ];
}

/** The word of the bank, which a stand-in has to be told. */
function deciding({ payments, relay, demand }: PaymentOptions): ShellRoute {
  return route({
    method: "POST",
    path: "/api/payments/:id/outcome",
    summary: "Say what becomes of a payment",
    by: byRole(demand, ["admin", "service"]),
    takes: inBody(Decision),
    answers: { 200: Told },
    refused: { ...UNKNOWN, 409: "Something else has become of it." },
    async handle(c, { outcome }, caller) {
      const { id } = await visible(payments, c, caller);
      await payments.decide(id, outcome, outcome === "FAILED" ? DECLINED : null);
      await relay.wake(id);
      const payment = await visible(payments, c, caller);
      const was = payment.state === "REFUNDED" ? "SUCCEEDED" : payment.state;
      if (was !== outcome) {
        throw new Refused(409, `the payment is ${payment.state}`, { status: payment.state });
      }
      return c.json(toldPayment(payment));
    },
  });
}

async function visible(payments: Payments, c: ShellContext, caller: Caller): Promise<Payment> {
  const id = c.req.param("id") ?? "";
  const payment = isPaymentId(id) ? await payments.byId(id) : null;
  if (payment === null || !isOwn(caller, payment)) throw new Refused(404, "Payment not found");
  return payment;
}

const isOwn = ({ role, subject }: Caller, { customerId }: { readonly customerId: string }) =>
  role !== "customer" || subject === customerId;
