/** Orders: a cart is held whole under the order's name, then the order is confirmed or cancelled. */
import type { Hono } from "hono";
import { z } from "zod";
import { isUnsure } from "#companions/orders/holds";
import {
  isHidden,
  statusOf,
  toldOrder,
  totalOf,
  unitsOf,
  wasExpired,
  type Order,
  type Status,
} from "#companions/orders/order";
import type { Payments } from "#companions/orders/payments";
import type { Prices } from "#companions/orders/prices";
import type { Relay } from "#companions/orders/relay";
import type { Steps } from "#companions/orders/steps";
import type { Orders } from "#companions/orders/store";
import { Refused, type ShellContext, type ShellEnv } from "#companions/shell/app";
import type { Caller, Role } from "#companions/shell/caller";
import { createService, type ServiceOptions } from "#companions/shell/service";
import { idIn, linkNext } from "#companions/shell/pages";
import { NUL } from "#companions/shell/parsed";
import {
  inBody,
  byRole,
  NOTHING,
  inQuery,
  route,
  type By,
  type ShellRoute,
} from "#companions/shell/route";
import { mustBeSigned } from "#companions/shell/signature";
import { requestOf, type Request } from "#companions/shell/request";
import {
  Creation,
  Heard,
  PaymentNews,
  Query,
  Step,
  Told,
  TOTAL_MAX,
} from "#companions/orders/wire";

const UNKNOWN = { 404: "There is no such order of this caller." };

const ANY_ROLE: readonly Role[] = ["admin", "service", "customer"];
const goesOn = (): Promise<string> =>
  Promise.resolve(
    "the inventory does not answer: the step goes on by itself, ask again what became of it",
  );
/** The step that leads to a status. */
const STEP_TO = { CONFIRMED: "CONFIRMING", CANCELLED: "CANCELLING" } as const;

export interface OrdersOptions extends ServiceOptions {
  readonly orders: Orders;
  readonly payments: Payments;
  /** Of which payment knows one. */
  readonly paymentSecrets: readonly string[];
  readonly steps: Steps;
  readonly prices: Prices;
  readonly relay: Pick<Relay, "wake">;
}

export function createOrdersApp(options: OrdersOptions): Hono<ShellEnv> {
  return createService(options, {
    name: "Orders",
    look: () => options.orders.look(),
    routes: [...reads(options), ...changes(options), hearing(options)],
  });
}

function reads({ orders, demand }: OrdersOptions): readonly ShellRoute[] {
  const by = byRole(demand, ANY_ROLE);
  const list = async (
    c: ShellContext,
    asked: z.output<typeof Query>,
    customerId: string | null,
  ) => {
    const found = await orders.list({ ...asked, customerId });
    linkNext(c, found, asked.limit, ({ id }) => id);
    return c.json(found.map(toldOrder));
  };
  return [
    route({
      method: "GET",
      path: "/api/orders",
      summary: "All orders; a customer's own",
      by,
      takes: inQuery(Query),
      answers: { 200: z.array(Told) },
      headers: ["Link"],
      handle: (c, asked, { role, subject }) => list(c, asked, role === "customer" ? subject : null),
    }),
    route({
      method: "GET",
      path: "/api/orders/customer/:customerId",
      summary: "Orders of a customer",
      by,
      takes: inQuery(Query),
      answers: { 200: z.array(Told) },
      headers: ["Link"],
      async handle(c, asked, { role, subject }) {
        const customerId = c.req.param("customerId") ?? "";
        if (role === "customer" && subject !== customerId) {
          throw new Refused(403, "these are another customer's orders");
        }
        // No text of PostgreSQL has it, and so no customer.
        if (customerId.includes(NUL)) return c.json([]);
        return await list(c, asked, customerId);
      },
    }),
    route({
      method: "GET",
      path: "/api/orders/:id",
      summary: "An order",
      by,
      takes: NOTHING,
      answers: { 200: Told },
      refused: UNKNOWN,
      handle: async (c, _, caller) => c.json(toldOrder(await visible(orders, c, caller))),
    }),
  ];
}

function changes(options: OrdersOptions): readonly ShellRoute[] {
  const { orders, steps, demand } = options;
  const by = byRole(demand, ANY_ROLE);
  /** Takes it to where nothing is open. */
  const settled = async (id: number, unsure: () => Promise<string>): Promise<Order> => {
    const order = await certain(options, id, () => steps.settle(id), unsure);
    if (order === null) throw unknown();
    return order;
  };
  return [
    route({
      method: "POST",
      path: "/api/orders",
      summary: "Order a cart, which is held whole or not at all",
      notes: "A customer orders for itself, and need not say so.",
      by,
      takes: inBody(Creation),
      keyed: true,
      answers: { 201: Told },
      headers: ["Location"],
      refused: {
        404: "A product is not sold.",
        409: "It cannot be ordered as it stands now.",
        422: "This key was used for another order.",
      },
      async handle(c, { customerId, items }, caller) {
        const customer = customerOf(caller, customerId);
        // Prices are not part of what was asked for.
        const request = requestOf(c, caller, [String(customer), unitsOf(items)]);
        const { id, requestHash } = await begun(options, customer, items, request);
        if (request !== null && requestHash !== request.hash) {
          throw new Refused(422, "this Idempotency-Key was used for another order");
        }
        const order = await settled(id, async () => {
          const again = "the inventory does not answer: ask again under the same Idempotency-Key";
          if (request !== null) return again;
          await orders.withdraw(id);
          return "the inventory does not answer, and nothing is ordered: order again";
        });
        if (order.refusal !== null) {
          const { status, error, fields } = order.refusal;
          throw new Refused(status, error, fields);
        }
        if (isHidden(order)) {
          throw new Refused(503, "it took too long, and nothing is ordered: order again");
        }
        c.header("location", `/api/orders/${id}`);
        return c.json(toldOrder(order), 201);
      },
    }),
    route({
      method: "PUT",
      path: "/api/orders/:id/status",
      summary: "Confirm or cancel an order",
      notes: "Customers may cancel, and not confirm.",
      by,
      takes: inBody(Step),
      answers: { 200: Told },
      refused: { ...UNKNOWN, 409: "It cannot become that." },
      async handle(c, { status }, caller) {
        const { id } = await visible(orders, c, caller);
        if (status !== "CONFIRMED" && status !== "CANCELLED") {
          throw new Refused(409, "an order becomes CONFIRMED or CANCELLED", { field: "status" });
        }
        if (caller.role === "customer" && status !== "CANCELLED") {
          throw new Refused(403, "a customer may cancel, and not confirm");
        }
        // What is under way ends first: it may be another step than this one.
        let order = await settled(id, goesOn);
        if (order.state === "PENDING") {
          const reason = status === "CANCELLED" ? "it was cancelled" : undefined;
          await orders.move(id, "PENDING", STEP_TO[status], reason);
          order = await settled(id, goesOn);
        }
        // It expired, and is not wanted any more: a payment that comes now does not bring it back.
        if (status === "CANCELLED" && order.state === "CANCELLED" && wasExpired(order)) {
          await orders.renounce(id);
          order = await settled(id, goesOn);
        }
        if (statusOf(order) !== status) throw wrongStep(order, status);
        return c.json(toldOrder(order));
      },
    }),
  ];
}

/** What payment tells. No gateway leads here. */
function hearing(options: OrdersOptions): ShellRoute {
  const { payments, paymentSecrets } = options;
  const by: By<null> = {
    scheme: "signature",
    async admit(c) {
      mustBeSigned(c.req.raw.headers, await c.req.text(), paymentSecrets, Date.now());
      return null;
    },
  };
  return route({
    method: "POST",
    path: "/internal/payments",
    summary: "What became of a payment",
    notes: "For payment alone. The verdict says whether the money is kept.",
    by,
    takes: inBody(PaymentNews),
    answers: { 200: Heard },
    refused: { 404: "`order_unknown`", 422: "`amount_mismatch` or `payment_mismatch`" },
    async handle(c, { type, data }) {
      const outcome = type === "payment.succeeded" ? "succeeded" : "failed";
      const hear = () => payments.hear({ ...data, outcome });
      return c.json({ ...data, ...(await certain(options, data.orderId, hear, goesOn)) });
    },
  });
}

/** What comes of it, or 503 while that is not certain. */
async function certain<T>(
  { relay, log }: OrdersOptions,
  id: number,
  work: () => Promise<T>,
  unsure: () => Promise<string>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUnsure(error)) throw error;
    log.warn("a step of an order is not certain yet", { orderId: id, error: error.message });
    const message = await unsure();
    await relay.wake(id);
    throw new Refused(503, message);
  }
}

/** The order of that request, or a new one. Nothing is held yet. */
async function begun(
  { orders, prices }: OrdersOptions,
  customer: number | string,
  items: z.output<typeof Creation>["items"],
  request: Request | null,
): Promise<Order> {
  const known = request === null ? null : await orders.byRequest(request);
  if (known !== null) return known;
  const found = await prices(items.map(({ productId }) => String(productId)));
  const priced = items.map((item) => {
    const price = found.get(String(item.productId));
    if (price === undefined) throw new Error("a product was neither priced nor refused");
    return { ...item, ...price };
  });
  const total = totalOf(priced);
  if (total > TOTAL_MAX) {
    throw new Refused(400, `an order comes to ${TOTAL_MAX} at most`, { field: "items" });
  }
  return await orders.create({ customer, items: priced, total, request });
}

async function visible(orders: Orders, c: ShellContext, caller: Caller): Promise<Order> {
  const order = await orders.byId(idOf(c));
  if (order === null || isHidden(order) || !isOwn(caller, order)) throw unknown();
  return order;
}

const unknown = (): Refused => new Refused(404, "Order not found");

function wrongStep(order: Order, wanted: Status): Refused {
  const status = statusOf(order);
  const why = status === "CANCELLED" && order.reason !== null ? `: ${order.reason}` : "";
  return new Refused(409, `the order is ${status}, and cannot become ${wanted}${why}`, { status });
}

const isOwn = ({ role, subject }: Caller, { customerId }: Order): boolean =>
  role !== "customer" || subject === customerId;

/** A customer orders for itself, and need not say so. */
function customerOf({ role, subject }: Caller, named: number | string | undefined) {
  if (role === "customer") {
    if (named === undefined || String(named) === subject) return named ?? subject;
    throw new Refused(403, "a customer orders for itself alone", { field: "customerId" });
  }
  if (named === undefined)
    throw new Refused(400, "customerId: is required", { field: "customerId" });
  return named;
}

function idOf(c: ShellContext): number {
  const id = idIn(c);
  if (id === null) throw unknown();
  return id;
}
