/** Whose a hold is, as the one key under which its record lives. */
import { hash } from "node:crypto";
import type { CustomerId, OrderId, ProductId, Reservation } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";

/** Scope of a hold over several products; no product may bear this name. */
export const CART_SCOPE = "cart";
/** Holds that a contract keeps without an id; the space keeps it apart from every product id. */
export type StandingScope = `${string} ${ProductId}`;
export type Scope = ProductId | typeof CART_SCOPE | StandingScope;

/** 128 bits: no two owners of a lifetime share a record, and the text of ids stays out of keys. */
const OWNER_HEX_DIGITS = 32;

/** The owner's hash, 32 hex characters. JSON keeps apart what plain joining would run together. */
export function ownerOf(
  customerId: CustomerId | null,
  orderId: OrderId | null,
  scope: Scope,
): string {
  return hash("sha256", JSON.stringify([customerId, orderId, scope])).slice(0, OWNER_HEX_DIGITS);
}

/**
 * The owner of that hold once it is of that customer or order (null: of its own still). null where its
 * scope cannot be told: a contract keeps it without an id.
 */
export function ownerAfter(
  { reservationId, customerId, orderId, allocations }: Reservation,
  to: { readonly customerId: CustomerId | null; readonly orderId: OrderId | null },
): string | null {
  const { owner } = splitReservationId(reservationId);
  const products = allocations.slice(0, 1).map(({ productId }) => productId);
  const scopes: readonly Scope[] = [CART_SCOPE, ...products];
  const scope = scopes.find((one) => ownerOf(customerId, orderId, one) === owner);
  if (scope === undefined) return null;
  return ownerOf(to.customerId ?? customerId, to.orderId ?? orderId, scope);
}

/**
 * The scope of the standing holds that a contract keeps on a product. A contract's name has no space,
 * so neither another contract nor who reserves under an id of its own ever meets such a hold.
 */
export function standingScopeOf(contract: string, productId: ProductId): StandingScope {
  return `${contract} ${productId}`;
}

/** Whose a contract's standing hold is: an order's, or (null) the product's own. */
export function standingOwnerOf(
  contract: string,
  productId: ProductId,
  orderId: OrderId | null,
): string {
  return ownerOf(null, orderId, standingScopeOf(contract, productId));
}
