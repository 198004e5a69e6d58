/** A walk through every call of the services round the inventory, and what each must be answered. */
import { signedHeaders } from "#companions/shell/signature";
import { ADMIN, JOHN, PAYMENT_SECRET, SERVICE_SECRET } from "#test/shop";

export const DOCUMENTED = [
  "registry",
  "users",
  "products",
  "orders",
  "payment",
  "gateway",
  "inventory",
] as const;
export type Documented = (typeof DOCUMENTED)[number];

export interface Step {
  /** Whose document tells of it. */
  readonly of: Documented;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly status: number;
  readonly body?: unknown;
  readonly as?: "admin" | "customer" | "nobody";
  readonly headers?: Readonly<Record<string, string>>;
}

const step = (
  of: Documented,
  status: number,
  call: string,
  more: Partial<Pick<Step, "body" | "as" | "headers">> = {},
): Step => {
  const [word = "", path = ""] = call.split(" ");
  const method = (["GET", "POST", "PUT", "DELETE"] as const).find((known) => known === word);
  if (method === undefined) throw new Error(`${call} is no call`);
  return { of, method, path, status, ...more };
};

/** What each of them answers beside its own. */
export const ofShell = (of: Documented): readonly Step[] =>
  ["health/live", "health/ready", "openapi.json", "docs", "docs/swagger-ui.css"]
    .concat(["docs/swagger-ui-bundle.js", "docs/init.js"])
    .map((path) => step(of, 200, `GET /${path}`));

const LONG = { name: "x".repeat(200_000) };

export function ofRegistry(base: string): readonly Step[] {
  const of = "registry";
  const instance = { instanceId: "i1", hostName: "walk.test", port: 1, secureVipAddress: "walks" };
  return [
    step(of, 200, "GET /health"),
    step(of, 204, `POST ${base}/apps/walk`, { body: { instance } }),
    step(of, 400, `POST ${base}/apps/walk`, { body: { instance: {} } }),
    step(of, 413, `POST ${base}/apps/walk`, { body: LONG }),
    step(of, 200, `GET ${base}/apps`),
    step(of, 200, `GET ${base}/apps/delta`),
    step(of, 200, `GET ${base}/apps/walk`),
    step(of, 200, `GET ${base}/apps/walk/i1`),
    step(of, 200, `GET ${base}/instances/i1`),
    step(of, 200, `GET ${base}/vips/walk`),
    step(of, 200, `GET ${base}/svips/walks`),
    step(of, 200, `PUT ${base}/apps/walk/i1?status=UP&lastDirtyTimestamp=1`),
    step(of, 200, `PUT ${base}/apps/walk/i1/status?value=OUT_OF_SERVICE`),
    step(of, 400, `PUT ${base}/apps/walk/i1/status?value=WELL`),
    step(of, 200, `DELETE ${base}/apps/walk/i1/status?value=UP`),
    step(of, 200, `PUT ${base}/apps/walk/i1/metadata?zone=a`),
    step(of, 200, `DELETE ${base}/apps/walk/i1`),
    step(of, 404, `PUT ${base}/apps/walk/i1`),
    step(of, 404, `GET ${base}/apps/none`),
  ];
}

export function ofUsers(): readonly Step[] {
  const of = "users";
  const registration = { email: "walker@example.com", password: "a long way to go" };
  const client = { client_id: "companions", client_secret: SERVICE_SECRET };
  const grant = { grant_type: "client_credentials" };
  return [
    step(of, 201, "POST /api/auth/register", { body: registration }),
    step(of, 409, "POST /api/auth/register", { body: registration }),
    step(of, 400, "POST /api/auth/register", { body: { email: "nobody" } }),
    step(of, 200, "POST /api/auth/login", { body: JOHN }),
    step(of, 401, "POST /api/auth/login", { body: { ...JOHN, password: "wrong" } }),
    step(of, 200, "GET /api/auth/me", { as: "customer" }),
    step(of, 401, "GET /api/auth/me"),
    step(of, 200, "POST /api/auth/token", { body: { ...grant, ...client } }),
    step(of, 400, "POST /api/auth/token", { body: client }),
    step(of, 401, "POST /api/auth/token", { body: { ...grant, ...client, client_secret: "no" } }),
    step(of, 201, "POST /api/auth/clients", { body: { name: "a walker" }, as: "admin" }),
    step(of, 403, "POST /api/auth/clients", { body: { name: "a walker" }, as: "customer" }),
    step(of, 201, "POST /api/auth/keys/rotate", { as: "admin" }),
    step(of, 200, "GET /.well-known/jwks.json"),
    step(of, 200, "POST /api/auth/login", { body: ADMIN }),
  ];
}

/** Of a shop with the product 1, which has 10 units, and the product 2. */
export function ofProducts(): readonly Step[] {
  const of = "products";
  const mouse = { name: "Mouse", price: 1.25, sku: "MOUSE" };
  return [
    step(of, 201, "POST /api/products", { body: mouse, as: "admin" }),
    step(of, 409, "POST /api/products", { body: mouse }),
    step(of, 400, "POST /api/products", { body: { name: "" } }),
    step(of, 401, "POST /api/products", { body: mouse, as: "nobody" }),
    step(of, 403, "POST /api/products", { body: mouse, as: "customer" }),
    step(of, 413, "POST /api/products", { body: LONG }),
    step(of, 200, "GET /api/products?limit=1"),
    step(of, 200, "GET /api/products?include=stock"),
    step(of, 400, "GET /api/products?limit=many"),
    step(of, 200, "GET /api/products/1?include=stock"),
    step(of, 404, "GET /api/products/99"),
    step(of, 200, "PUT /api/products/1", { body: { price: 2.5 } }),
    step(of, 400, "PUT /api/products/1", { body: {} }),
    step(of, 404, "PUT /api/products/99", { body: { price: 2 } }),
    step(of, 204, "DELETE /api/products/2"),
    step(of, 404, "DELETE /api/products/2"),
  ];
}

/** Of a shop with the product 1, of which there are some, and c1's order 1, which is not paid. */
export function ofOrders(): readonly Step[] {
  const of = "orders";
  const cart = (quantity: number, productId: number | string = 1) => {
    return { customerId: "c1", items: [{ productId, quantity }] };
  };
  const key = { "idempotency-key": "k1" };
  const [confirmed, cancelled] = [{ status: "CONFIRMED" }, { status: "CANCELLED" }];
  return [
    step(of, 201, "POST /api/orders", { body: cart(2), headers: key }),
    step(of, 201, "POST /api/orders", { body: cart(2), headers: key }),
    step(of, 422, "POST /api/orders", { body: cart(3), headers: key }),
    step(of, 400, "POST /api/orders", { body: { items: [] } }),
    step(of, 400, "POST /api/orders", { body: cart(99) }),
    step(of, 404, "POST /api/orders", { body: cart(1, 99) }),
    step(of, 201, "POST /api/orders", { body: { items: cart(1).items }, as: "customer" }),
    step(of, 403, "POST /api/orders", { body: cart(1), as: "customer" }),
    step(of, 200, "GET /api/orders?limit=1"),
    step(of, 400, "GET /api/orders?limit=0"),
    step(of, 401, "GET /api/orders", { as: "nobody" }),
    step(of, 200, "GET /api/orders/customer/c1"),
    step(of, 403, "GET /api/orders/customer/c1", { as: "customer" }),
    step(of, 200, "GET /api/orders/1"),
    step(of, 404, "GET /api/orders/1", { as: "customer" }),
    step(of, 200, "PUT /api/orders/1/status", { body: confirmed }),
    step(of, 409, "PUT /api/orders/1/status", { body: cancelled }),
    step(of, 409, "PUT /api/orders/1/status", { body: { status: "SHIPPED" } }),
    step(of, 400, "PUT /api/orders/1/status", { body: {} }),
    step(of, 404, "PUT /api/orders/999/status", { body: confirmed }),
  ];
}

/** Of a shop with two orders of 3.00 that are not paid, and a payment of the first that waits. */
export function ofPayment(paid: number, payable: number, id: string): readonly Step[] {
  const of = "payment";
  const method = "card_open";
  const key = { "idempotency-key": "k2" };
  const [succeeded, failed] = [{ outcome: "SUCCEEDED" }, { outcome: "FAILED" }];
  const data = { paymentId: "p1", orderId: paid, amount: 3 };
  const news = { type: "payment.failed", data };
  const signed = (body: object) =>
    signedHeaders({ id: "m1", body: JSON.stringify(body) }, [PAYMENT_SECRET], Date.now());
  const other = { ...news, data: { ...data, amount: 4 } };
  return [
    step(of, 201, "POST /api/payments", { body: { orderId: payable, method }, headers: key }),
    step(of, 201, "POST /api/payments", { body: { orderId: payable, method }, headers: key }),
    step(of, 422, "POST /api/payments", { body: { orderId: paid, method }, headers: key }),
    step(of, 409, "POST /api/payments", { body: { orderId: paid, method } }),
    step(of, 404, "POST /api/payments", { body: { orderId: 999, method } }),
    step(of, 400, "POST /api/payments", { body: { orderId: 0, method } }),
    step(of, 200, "GET /api/payments?limit=1"),
    step(of, 400, "GET /api/payments?limit=0"),
    step(of, 200, `GET /api/payments/${id}`),
    step(of, 404, `GET /api/payments/${id}`, { as: "customer" }),
    step(of, 401, `GET /api/payments/${id}`, { as: "nobody" }),
    step(of, 403, `POST /api/payments/${id}/outcome`, { body: succeeded, as: "customer" }),
    step(of, 200, `POST /api/payments/${id}/outcome`, { body: succeeded }),
    step(of, 409, `POST /api/payments/${id}/outcome`, { body: failed }),
    step("orders", 401, "POST /internal/payments", { body: news }),
    step("orders", 200, "POST /internal/payments", { body: news, headers: signed(news) }),
    step("orders", 422, "POST /internal/payments", { body: other, headers: signed(other) }),
  ];
}

/** Paths of the inventory, as the gateways before had them; of the product 1. */
export function ofInventory(): readonly Step[] {
  const of = "inventory";
  const item = "/api/inventory/1";
  const added = { productId: 7, quantity: 5 };
  return [
    step(of, 200, "GET /api/inventory"),
    step(of, 200, `GET ${item}`),
    step(of, 404, "GET /api/inventory/99"),
    step(of, 200, `PUT ${item}/quantity`, { body: { quantity: 50 } }),
    step(of, 400, `PUT ${item}/quantity`, { body: { quantity: -1 } }),
    step(of, 200, `POST ${item}/reserve`, { body: { quantity: 3 } }),
    step(of, 400, `POST ${item}/reserve`, { body: { quantity: 500 } }),
    step(of, 200, `POST ${item}/release`, { body: { quantity: 1 } }),
    step(of, 200, `POST ${item}/deduct`, { body: { quantity: 2 } }),
    step(of, 400, `POST ${item}/deduct`, { body: { quantity: 2 } }),
    step(of, 201, "POST /api/inventory", { body: added }),
    step(of, 200, "POST /api/inventory", { body: added }),
    step(of, 400, "POST /api/inventory", { body: {} }),
    step(of, 200, "GET /api/v1/inventory/check?product_id=1&quantity=1"),
    step(of, 400, "GET /api/v1/inventory/check"),
    step(of, 200, "GET /api/v1/inventory/items", { as: "admin" }),
    step(of, 200, "GET /api/v1/inventory/items/1", { as: "admin" }),
    step(of, 200, "GET /api/v1/inventory/warehouses", { as: "admin" }),
    step(of, 403, "GET /api/v1/inventory/warehouses", { as: "customer" }),
    step(of, 401, "GET /api/v1/inventory/warehouses"),
  ];
}

export const OF_GATEWAY: readonly Step[] = [
  "/",
  "/registry",
  "/registry/page.js",
  "/registry/page.css",
  "/registry/instances",
  "/docs/choose.js",
  ...DOCUMENTED.filter((name) => name !== "gateway").map((name) => `/docs/${name}/openapi.json`),
].map((path) => step("gateway", 200, `GET ${path}`));
