/** A limit as a store that is none answers it. */
import type { LimitStore, NamedLimit } from "#inventory/limit-ports";
import { ProductId } from "#inventory/model";

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

export const LIMIT_STORE: LimitStore = {
  putLimit: async () => ({ kind: "made", limit: limitOf(), replayed: false }),
  removeLimit: async () => ({ kind: "removed", limit: limitOf(), replayed: false }),
  limits: async () => [limitOf()],
};
