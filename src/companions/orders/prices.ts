/** Names and prices, from the products service, as they are at this moment. */
import { z } from "zod";
import { Refused } from "#companions/shell/app";
import { atOnce } from "#lib/at-once";
import { callOut } from "#lib/call-out";
import { jsonOrNull } from "#lib/json-or-null";

const CALL_MS_MAX = 2_000;
const AT_ONCE_MAX = 8;
/** Descriptions have 10 000 characters at most. */
const ANSWER_BYTES_MAX = 128 * 1024;

const Product = z.looseObject({ name: z.string(), price: z.number().min(0) });

export interface Price {
  readonly name: string;
  readonly price: number;
}

/** By product. Refuses with 404 where one is not sold, and with 503 while prices cannot be had. */
export type Prices = (productIds: readonly string[]) => Promise<ReadonlyMap<string, Price>>;

export function createPrices(productsUrl: string): Prices {
  const base = productsUrl.replace(/\/+$/, "");
  return async (productIds) => {
    const found = new Map<string, Price>();
    await atOnce([...new Set(productIds)], AT_ONCE_MAX, async (productId) => {
      found.set(productId, await priceOf(`${base}/api/products/`, productId));
    });
    return found;
  };
}

async function priceOf(path: string, productId: string): Promise<Price> {
  // In an address these two are other places than names.
  if (/^\.{1,2}$/.test(productId)) throw unsold(productId);
  const { status, text } = await callOut({
    method: "GET",
    url: `${path}${encodeURIComponent(productId)}`,
    withinMs: CALL_MS_MAX,
    bytesMax: ANSWER_BYTES_MAX,
  }).catch(() => ({ status: 503, text: "" }));
  if (status === 404) throw unsold(productId);
  const product = status === 200 ? Product.safeParse(jsonOrNull(text)) : null;
  if (product?.success !== true) throw new Refused(503, "the products service does not answer");
  const { name, price } = product.data;
  return { name, price };
}

const unsold = (productId: string): Refused =>
  new Refused(404, `Product ${productId} not found`, { productId });
