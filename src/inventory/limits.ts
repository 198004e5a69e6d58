/** Counts of what customers have of products with a limit. Twin: lua/lib/limits.lua. */
import { hash } from "node:crypto";
import type { CustomerId } from "#inventory/model";

/** 128 bits: no two customers of a lifetime share a count, and no id of one stands there for ever. */
const CUSTOMER_HEX_DIGITS = 32;

/** What stands for a customer in the hash of a limit. */
export function customerField(customerId: CustomerId): string {
  return hash("sha1", JSON.stringify(customerId)).slice(0, CUSTOMER_HEX_DIGITS);
}
