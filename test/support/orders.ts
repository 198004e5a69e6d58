/** The orders service in a shop of its own, for tests; and whether orders and stock agree. */
import { z } from "zod";
import type { Service } from "#test/service";
import { ADMIN, ask, JOHN, openShop, type Answer, type Shop } from "#test/shop";
import type { TestRedisOptions } from "#test/servers";
import { until } from "#test/until";

const SETTLED_MS_MAX = 60_000;

export const Order = z.looseObject({
  id: z.number(),
  status: z.enum(["PENDING", "CONFIRMED", "CANCELLED"]),
  items: z.array(
    z.looseObject({ productId: z.union([z.number(), z.string()]), quantity: z.int() }),
  ),
});
export type Order = z.output<typeof Order>;
const Reservation = z.looseObject({
  reservationId: z.string(),
  orderId: z.string().nullable(),
  status: z.string(),
  lines: z.array(z.looseObject({ productId: z.string(), quantity: z.int(), confirmed: z.int() })),
});
export type Reservation = z.output<typeof Reservation>;
const Page = z.object({ items: z.array(Reservation), nextCursor: z.string().nullable() });
const Made = z.looseObject({ id: z.number() });
const Stock = z.looseObject({ totalStock: z.int(), reservedStock: z.int() });
const SignedIn = z.looseObject({ id: z.union([z.string(), z.number()]) });

export interface OrdersShop extends AsyncDisposable {
  readonly shop: Shop;
  readonly products: Service;
  readonly admin: string;
  readonly john: string;
  /** Whose orders those of john are. */
  readonly johnId: string;
  /** Starts a process of orders; by way of others where URLs are given. */
  startOrders(env?: Readonly<Record<string, string>>): Promise<Service>;
  /** A product whose item has so much stock. */
  product(initialStock: number, fields?: object): Promise<number>;
  stock(productId: number): Promise<z.output<typeof Stock>>;
  /** All holds of that status, or all. */
  reservations(status?: string): Promise<readonly Reservation[]>;
  orders(service: Service): Promise<readonly Order[]>;
  /** What is wrong; also how much was looked at. */
  audit(service: Service): Promise<{ readonly wrong: readonly string[]; readonly seen: number }>;
}

export async function openOrdersShop(redis: TestRedisOptions = {}): Promise<OrdersShop> {
  const shop = await openShop({ redis });
  const products = await shop.start("products");
  const admin = await shop.tokenOf(ADMIN);
  const john = await shop.tokenOf(JOHN);
  const me = await ask(shop.users, "GET", "/api/auth/me", undefined, john);
  const reservations = (status?: string): Promise<readonly Reservation[]> =>
    reservationsBy((path) => ask(shop.inventory, "GET", path, undefined, admin), status);
  const orders = async (service: Service): Promise<readonly Order[]> =>
    Order.array().parse((await ask(service, "GET", "/api/orders", undefined, admin)).body);
  const stock = async (productId: number) => {
    const path = `/api/inventory/product/${productId}`;
    return Stock.parse((await ask(shop.inventory, "GET", path, undefined, admin)).body);
  };
  return {
    shop,
    products,
    admin,
    john,
    johnId: String(SignedIn.parse(userOf(me)).id),
    startOrders: (env = {}) => shop.start("orders", { PRODUCTS_URL: products.url, ...env }),
    async product(initialStock, fields = {}) {
      const body = { name: "Gaming Mouse", price: 49.99, initialStock, ...fields };
      const { id } = Made.parse((await ask(products, "POST", "/api/products", body, admin)).body);
      const path = `/api/inventory/product/${id}`;
      await until(
        async () => (await ask(shop.inventory, "GET", path, undefined, admin)).status === 200,
        { withinMs: SETTLED_MS_MAX, what: "the item is there" },
      );
      return id;
    },
    stock,
    reservations,
    orders,
    async audit(service) {
      return differences(await orders(service), await reservations());
    },
    [Symbol.asyncDispose]: () => shop[Symbol.asyncDispose](),
  };
}

/** All holds of that status, or all; `get` asks the inventory. */
export async function reservationsBy(
  get: (path: string) => Promise<Answer>,
  status?: string,
): Promise<readonly Reservation[]> {
  const found: Reservation[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query = new URLSearchParams({ limit: "100" });
    if (status !== undefined) query.set("status", status);
    if (cursor !== "") query.set("cursor", cursor);
    const page = Page.parse((await get(`/api/inventory/reservations?${query.toString()}`)).body);
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}

function userOf({ body }: Answer): unknown {
  return z.looseObject({ user: z.unknown().optional() }).parse(body).user ?? body;
}

/** No held stock without an order, no order without its stock. */
export function differences(orders: readonly Order[], reservations: readonly Reservation[]) {
  const wrong: string[] = [];
  const byName = Map.groupBy(reservations, ({ orderId }) => orderId);
  const names = new Set(orders.map(({ id }) => `order-${id}`));
  for (const order of orders) {
    const name = `order-${order.id}`;
    const all = byName.get(name) ?? [];
    const wanted = { PENDING: "ACTIVE", CONFIRMED: "CONFIRMED", CANCELLED: null }[order.status];
    const alive = all.filter(({ status }) => status === "ACTIVE" || status === "CONFIRMED");
    const has = alive.map(({ status }) => status).join();
    if (has !== (wanted ?? "")) wrong.push(`${name} is ${order.status}, its holds are [${has}]`);
    for (const { lines } of alive) {
      const held = lines.map(({ productId, quantity }) => `${productId}×${quantity}`).join();
      if (held !== unitsOf(order)) wrong.push(`${name} is of ${unitsOf(order)}, held are ${held}`);
    }
  }
  for (const { orderId, status } of reservations) {
    const isAlive = status === "ACTIVE" || status === "CONFIRMED";
    if (isAlive && !names.has(orderId ?? "")) wrong.push(`${orderId} is ${status} and no order`);
  }
  return { wrong, seen: orders.length + reservations.length };
}

function unitsOf({ items }: Order): string {
  const units = new Map<string, number>();
  for (const { productId, quantity } of items) {
    units.set(String(productId), (units.get(String(productId)) ?? 0) + quantity);
  }
  return Array.from(units, ([productId, quantity]) => `${productId}×${quantity}`).join();
}
