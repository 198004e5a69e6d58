/** A limit as a store that is none answers it. */
import type { LimitStore, NamedLimit } from "#inventory/limit-ports";
import type { CustomerHolds } from "#inventory/list-customer-holds";
import { CustomerId, ProductId } from "#inventory/model";
import type { Ledger } from "#inventory/ports";

const AT = Date.UTC(2025, 0, 1);

export const limitOf = (changes: Partial<NamedLimit> = {}): NamedLimit => ({
  limitId: "drop",
  products: [ProductId.parse("p1")],
  maxUnits: 5,
  windowHours: null,
  counts: "taken",
  maxHolds: null,
  since: AT,
  createdAt: AT,
  updatedAt: AT,
  version: 7,
  ...changes,
});

export const CUSTOMER_HOLDS: CustomerHolds = {
  customerId: CustomerId.parse("carol"),
  holds: 4,
  live: 1,
  expiredHolds: 2,
  units: 12,
  expiredUnits: 8,
  soldUnits: 3,
};
export const LIMIT_LEDGER: Pick<Ledger, "customerHolds"> = {
  customerHolds: async () => ({ items: [CUSTOMER_HOLDS], nextCursor: null }),
};

export const LIMIT_STORE: LimitStore = {
  putLimit: async () => ({ kind: "made", limit: limitOf(), replayed: false }),
  removeLimit: async () => ({ kind: "removed", limit: limitOf(), replayed: false }),
  limits: async () => [limitOf()],
};
