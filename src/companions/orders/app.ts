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
  type Order,
  type Status,
} from "#companions/orders/order";
import type { Payments } from "#companions/orders/payments";
import type { Prices } from "#companions/orders/prices";
import type { Relay } from "#companions/orders/relay";
import type { Steps } from "#companions/orders/steps";
import type { Orders } from "#companions/orders/store";
import {
  createShell,
  jsonOf,
  Refused,
  type ShellContext,
  type ShellEnv,
} from "#companions/shell/app";
import type { Caller, Demand, Role } from "#companions/shell/caller";
import { parsed, whole } from "#companions/shell/parsed";
import { mustBeSigned } from "#companions/shell/signature";
import { requestOf, type Request } from "#companions/shell/request";
import type { Log } from "#lib/log";

/** Most lines of an order: those of a cart of the inventory. */
const ITEMS_MAX = 100;
const QUANTITY_MAX = 1_000_000_000;
const TOTAL_MAX = 999_999_999_999.99;
const PAGE_MAX = 1_000;

const word = (most: number) =>
  z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(most, `must have at most ${most} characters`)
    .regex(/^[^\p{C}]*$/u, "must be printable");
const Id = (most: number) =>
  z.union([z.int().min(1), word(most)], { error: "must be a number from 1 on, or a text" });
const Creation = z.strictObject({
  customerId: Id(128).optional(),
  items: z
    .array(
      z.strictObject({
        productId: Id(64),
        quantity: z.int().min(1, "must be at least 1").max(QUANTITY_MAX),
      }),
    )
    .min(1, "must not be empty")
    .max(ITEMS_MAX, `must have at most ${ITEMS_MAX} lines`),
});
const Step = z.strictObject({ status: z.string() });
const Query = z.strictObject({
  after: whole("after", 0, Number.MAX_SAFE_INTEGER).default(0),
  limit: whole("limit", 1, PAGE_MAX).default(PAGE_MAX),
});

const ANY_ROLE: readonly Role[] = ["admin", "service", "customer"];
const goesOn = (): Promise<string> =>
  Promise.resolve(
    "the inventory does not answer: the step goes on by itself, ask again what became of it",
  );
/** The step that leads to a status. */
const STEP_TO = { CONFIRMED: "CONFIRMING", CANCELLED: "CANCELLING" } as const;

/** What payment tells, by a signed call. */
const Told = z.looseObject({
  type: z.enum(["payment.succeeded", "payment.failed"]),
  data: z.looseObject({
    paymentId: z.string().min(1).max(64),
    orderId: z.int().min(1),
    amount: z.number().min(0).max(TOTAL_MAX),
  }),
});

export interface OrdersOptions {
  readonly orders: Orders;
  readonly payments: Payments;
  /** Of which payment knows one. */
  readonly paymentSecrets: readonly string[];
  readonly steps: Steps;
  readonly prices: Prices;
  readonly relay: Pick<Relay, "wake">;
  readonly demand: Demand;
  readonly version: string;
  readonly log: Log;
  readonly isAway: (error: unknown) => boolean;
}

export function createOrdersApp(options: OrdersOptions): Hono<ShellEnv> {
  const { orders, payments, paymentSecrets, steps, prices, relay, demand, version, log, isAway } =
    options;
  const isReady = async (): Promise<null> => {
    await orders.look();
    return null;
  };
  const app = createShell({ name: "Orders", version, log, isReady, isAway });

  /** The order of that request, or a new one. Nothing is held yet. */
  const begun = async (
    customer: number | string,
    items: z.output<typeof Creation>["items"],
    request: Request | null,
  ): Promise<Order> => {
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
  };
  /** What comes of it, or 503 while that is not certain. */
  const certain = async <T>(id: number, work: () => Promise<T>, unsure: () => Promise<string>) => {
    try {
      return await work();
    } catch (error) {
      if (!isUnsure(error)) throw error;
      log.warn("a step of an order is not certain yet", { orderId: id, error: error.message });
      const message = await unsure();
      await relay.wake(id);
      throw new Refused(503, message);
    }
  };
  /** Takes it to where nothing is open. */
  const settled = async (id: number, unsure: () => Promise<string>): Promise<Order> => {
    const order = await certain(id, () => steps.settle(id), unsure);
    if (order === null) throw unknown();
    return order;
  };
  const visible = async (c: ShellContext, caller: Caller): Promise<Order> => {
    const order = await orders.byId(idOf(c));
    if (order === null || isHidden(order) || !isOwn(caller, order)) throw unknown();
    return order;
  };
  const list = async (c: ShellContext, customerId: string | null) => {
    const query = parsed(Query, c.req.query());
    const found = await orders.list({ ...query, customerId });
    const last = found.at(-1);
    if (last !== undefined && found.length === query.limit) {
      const next = new URLSearchParams({ ...c.req.query(), after: String(last.id) });
      c.header("link", `<${c.req.path}?${next.toString()}>; rel="next"`);
    }
    return c.json(found.map(toldOrder));
  };

  app.post("/api/orders", async (c) => {
    const caller = await demand(c, ANY_ROLE);
    const { customerId, items } = parsed(Creation, await jsonOf(c));
    const customer = customerOf(caller, customerId);
    // Prices are not part of what was asked for.
    const request = requestOf(c, caller, [String(customer), unitsOf(items)]);
    const { id, requestHash } = await begun(customer, items, request);
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
  });
  app.get("/api/orders", async (c) => {
    const caller = await demand(c, ANY_ROLE);
    return await list(c, caller.role === "customer" ? caller.subject : null);
  });
  app.get("/api/orders/customer/:customerId", async (c) => {
    const caller = await demand(c, ANY_ROLE);
    const customerId = c.req.param("customerId");
    if (caller.role === "customer" && caller.subject !== customerId) {
      throw new Refused(403, "these are another customer's orders");
    }
    return await list(c, customerId);
  });
  app.get("/api/orders/:id", async (c) => {
    const caller = await demand(c, ANY_ROLE);
    return c.json(toldOrder(await visible(c, caller)));
  });
  app.put("/api/orders/:id/status", async (c) => {
    const caller = await demand(c, ANY_ROLE);
    const { id } = await visible(c, caller);
    const { status } = parsed(Step, await jsonOf(c));
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
    if (statusOf(order) !== status) throw wrongStep(order, status);
    return c.json(toldOrder(order));
  });
  // No gateway leads here.
  app.post("/internal/payments", async (c) => {
    const body = await c.req.text();
    mustBeSigned(c.req.raw.headers, body, paymentSecrets, Date.now());
    const { type, data } = parsed(Told, await jsonOf(c));
    const outcome = type === "payment.succeeded" ? "succeeded" : "failed";
    const hear = () => payments.hear({ ...data, outcome });
    return c.json({ ...data, ...(await certain(data.orderId, hear, goesOn)) });
  });
  return app;
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
  const given = c.req.param("id") ?? "";
  if (!/^[1-9]\d{0,14}$/.test(given)) throw unknown();
  return Number(given);
}
