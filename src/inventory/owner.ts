/** Whose a hold is, as the one key under which its record lives. */
import { hash } from "node:crypto";
import type { CustomerId, OrderId, ProductId } from "#inventory/model";

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
