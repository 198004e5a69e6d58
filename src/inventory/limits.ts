/** Counts of what customers have of products with a limit. Twin: lua/lib/limits.lua. */
import { hash } from "node:crypto";
import { z } from "zod";
import type { CustomerId } from "#inventory/model";

/** Limits that have a name, of a partition. Twin: lua/lib/limit-record.lua. */
export const LIMITS_MAX = 100;
/** Of them, those that name one product, and those over all products. Twin: lua/lib/limit-record.lua. */
export const LIMITS_OF_PRODUCT_MAX = 8;
/** Products that one of them names. */
export const LIMIT_PRODUCTS_MAX = 500;
/** A year. */
export const WINDOW_HOURS_MAX = 8_760;
/** Live holds that one may bound a customer to. */
export const LIMIT_HOLDS_MAX = 10_000;

/** What a limit is called: letters, digits and `_.-`, as the id of a product. */
export const LimitId = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits or _.-");

/** 128 bits: no two customers of a lifetime share a count, and no id of one stands there for ever. */
const CUSTOMER_HEX_DIGITS = 32;

/** Behind what stands for a customer: how many live holds it has. Twin: lua/lib/limits.lua. */
export const HOLDS_FIELD = ":holds";

/** What stands for a customer in the hash of a limit. */
export function customerField(customerId: CustomerId): string {
  return hash("sha1", JSON.stringify(customerId)).slice(0, CUSTOMER_HEX_DIGITS);
}
