/** Who is behind the gateway: paths, the name that a registry knows each by, and which repeats are safe. */

export interface Service {
  /** In a registry. */
  readonly name: string;
  /** What callers' paths begin with. */
  readonly paths: readonly string[];
  /** Whether it does a change once, however often it is sent under one `Idempotency-Key`. */
  readonly knowsKeys: boolean;
}

export const SERVICES = {
  users: { name: "USER-SERVICE", paths: ["/api/auth", "/.well-known"], knowsKeys: false },
  products: { name: "PRODUCT-SERVICE", paths: ["/api/products"], knowsKeys: false },
  orders: { name: "ORDER-SERVICE", paths: ["/api/orders"], knowsKeys: true },
  payment: { name: "PAYMENT-SERVICE", paths: ["/api/payments"], knowsKeys: true },
  inventory: {
    name: "INVENTORY-SERVICE",
    paths: ["/api/inventory", "/api/v1/inventory", "/inventory"],
    knowsKeys: true,
  },
} as const satisfies Record<string, Service>;
export type ServiceKey = keyof typeof SERVICES;

export const SERVICE_KEYS: readonly ServiceKey[] = [
  "users",
  "products",
  "orders",
  "payment",
  "inventory",
];

/** Methods that change nothing. */
export const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** The service of a path; null: there is none. */
export function serviceOf(path: string): (Service & { readonly key: ServiceKey }) | null {
  for (const key of SERVICE_KEYS) {
    const service = SERVICES[key];
    const isIts = service.paths.some((begin) => path === begin || path.startsWith(`${begin}/`));
    if (isIts) return { ...service, key };
  }
  return null;
}
