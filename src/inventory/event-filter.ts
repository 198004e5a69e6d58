/** Which events one hears. */
import type { EventType, LedgerEvent } from "#inventory/event-ports";
import type { ProductId } from "#inventory/model";

export interface EventFilter {
  /** null: all. */
  readonly types: ReadonlySet<EventType> | null;
  /** null: of any product, and of none. */
  readonly productId: ProductId | null;
}

export function passes(event: LedgerEvent, { types, productId }: EventFilter): boolean {
  const isAsked = types === null || types.has(typeOf(event));
  return isAsked && (productId === null || productOf(event) === productId);
}

/** null: it is about no product. */
export const productOf = (event: LedgerEvent): ProductId | null =>
  event.kind === "movement" ? event.movement.productId : event.alert.productId;

const typeOf = (event: LedgerEvent): EventType =>
  event.kind === "movement" ? "movement" : event.alert.kind;

/** The same for filters that let the same through. */
export const nameOf = ({ types, productId }: EventFilter): string =>
  `${types === null ? "all" : [...types].toSorted().join()} ${productId ?? ""}`;
