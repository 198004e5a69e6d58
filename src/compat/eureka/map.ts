/** Stock in contract C's words. Its `quantity` is what is there, with what is held. */
import type { ItemAnswer } from "#compat/eureka/wire";
import { totalsOf, type Product } from "#inventory/model";
import type { Stock } from "#inventory/ports";

/** A decimal number as JavaScript writes it. */
const NUMBER = /^(0|[1-9]\d{0,15})$/;

/** An id that is a number below 2^53 is shown as one. */
export function idOf(id: string): string | number {
  return NUMBER.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : id;
}

export function itemOf(productId: string, { onHand, reserved, home }: Stock): ItemAnswer {
  return { productId: idOf(productId), quantity: onHand, reserved, location: home };
}

export const itemOfProduct = (product: Product): ItemAnswer =>
  itemOf(product.productId, { ...totalsOf(product), home: product.home });
