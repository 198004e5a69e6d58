/** Whose a hold is, as the one key under which its record lives. */
import { hash } from "node:crypto";
import type { CustomerId, OrderId, ProductId } from "#inventory/model";

/** Scope of a hold over several products; no product may bear this name. */
export const CART_SCOPE = "cart";
export type Scope = ProductId | typeof CART_SCOPE;

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
