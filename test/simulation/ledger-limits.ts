/** What each customer has under limits, as `limits.sql` counts it of the ledger: nothing is returned here. */
import type { NamedLimit } from "#inventory/limit-ports";
import type { CustomerId, Movement, Product, ProductId, Reservation } from "#inventory/model";
import type { CustomerUnits } from "#inventory/reconcile-sides";

export const HOUR_MS = 3_600_000;

export interface Counted {
  readonly products: ReadonlyMap<string, Product>;
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly movements: readonly Movement[];
  /** Those with a name. */
  readonly named: readonly NamedLimit[];
}

interface Rule {
  readonly rule: string;
  readonly window: string;
  readonly endsAt: number | null;
  readonly since: number;
  readonly isOfHeld: boolean;
  readonly hasHolds: boolean;
  readonly isOver: (productId: ProductId) => boolean;
}

/** By rule, window and customer; who has nothing is not there. */
export function unitsUnderLimits(counted: Counted): readonly CustomerUnits[] {
  const lastAt = counted.movements.at(-1)?.at ?? 0;
  const rules = [
    ...Array.from(counted.products.values()).flatMap(ruleOfProduct),
    ...counted.named.map((limit) => ruleOf(limit, lastAt)),
  ];
  return rules.length === 0 ? [] : rules.flatMap((rule) => unitsUnder(rule, counted));
}

function ruleOfProduct({ productId, maxPerCustomer, limitSince, createdAt }: Product): Rule[] {
  if (maxPerCustomer === null) return [];
  return [
    {
      rule: `product:${productId}`,
      window: "always",
      endsAt: null,
      since: limitSince ?? createdAt,
      isOfHeld: false,
      hasHolds: false,
      isOver: (id) => id === productId,
    },
  ];
}

/** In the window of the last movement: nothing was begun behind it. */
function ruleOf(limit: NamedLimit, lastAt: number): Rule {
  const { limitId, products, counts, maxHolds, windowHours } = limit;
  const ms = (windowHours ?? 0) * HOUR_MS;
  const window = windowHours === null ? 0 : Math.floor(lastAt / ms);
  return {
    rule: limitId,
    window: windowHours === null ? "always" : String(window),
    endsAt: windowHours === null ? null : (window + 1) * ms,
    since: Math.max(limit.since, window * ms),
    isOfHeld: counts === "held",
    hasHolds: maxHolds !== null,
    isOver: (id) => products === "all" || products.includes(id),
  };
}

function unitsUnder(rule: Rule, { reservations, movements }: Counted): CustomerUnits[] {
  const counts = new Map<CustomerId, { units: number; holds: number }>();
  const add = (customerId: CustomerId | null, at: number, units: number, holds: number): void => {
    if (customerId === null || at < rule.since) return;
    const before = counts.get(customerId) ?? { units: 0, holds: 0 };
    counts.set(customerId, { units: before.units + units, holds: before.holds + holds });
  };
  for (const { customerId, createdAt, allocations } of reservations.values()) {
    const lines = allocations.filter(({ productId }) => rule.isOver(productId));
    const held = lines.reduce((sum, line) => sum + line.held, 0);
    const sold = lines.reduce((sum, line) => sum + line.confirmed, 0);
    const holds = rule.hasHolds && held > 0 ? 1 : 0;
    add(customerId, createdAt, held + (rule.isOfHeld ? 0 : sold), holds);
  }
  for (const { type, reservationId, productId, customerId, at, ...moved } of movements) {
    const isSale = type === "SALE" && reservationId === null && productId !== null;
    if (!isSale || rule.isOfHeld || !rule.isOver(productId)) continue;
    add(customerId, at, moved.onHandBefore - moved.onHandAfter, 0);
  }
  return Array.from(counts).flatMap(([customerId, had]) =>
    had.units > 0
      ? [{ rule: rule.rule, window: rule.window, endsAt: rule.endsAt, customerId, ...had }]
      : [],
  );
}
