/**
 * What the product service of the registry stack says of products. It is asked for its whole list,
 * as it knows no other question; nobody waits for it longer than a blink.
 */
import { z } from "zod";
import { callOut } from "#lib/call-out";
import { steadyClock, type Clock } from "#lib/clock";
import type { Log } from "#lib/log";

/** Contract C: `product` is left out when the product service does not answer in 200 ms. */
const ANSWER_MS_MAX = 200;
/** An answer serves who asks within this time. */
const KEPT_MS = 1_000;
/** After a failure nobody is asked for this time, so that a dead service costs 200 ms once. */
const PAUSE_MS = 5_000;
/** Some thousand products. Reading more would hold up everybody else of this process. */
const ANSWER_BYTES_MAX = 1_048_576;

/** Of a product only its id, name and price are sure to be there. */
const Product = z.object({
  id: z.union([z.int(), z.string()]),
  name: z.string(),
  description: z.string().nullish(),
  price: z.number(),
  category: z.string().nullish(),
  createdAt: z.string().nullish(),
  updatedAt: z.string().nullish(),
});

/** A product as the product service tells it; its `id` may be a number. */
export type ServiceProduct = z.output<typeof Product>;

export type ProductsById = ReadonlyMap<string, ServiceProduct>;

export interface ProductService {
  /** Those of the products that it knows; none when it does not answer. Never rejects. */
  productsOf(productIds: readonly string[]): Promise<ProductsById>;
}

export type ProductServiceOptions = Readonly<{
  /** PRODUCT_SERVICE_URL. Not given: nothing is known of any product. */
  url: string | undefined;
  log: Log;
  /** Default: steady. */
  clock?: Clock;
}>;

const NONE: ProductsById = new Map();

/** Asks nobody before the first question. */
export function createProductService(options: ProductServiceOptions): ProductService {
  const { url, log, clock = steadyClock } = options;
  if (url === undefined) return { productsOf: () => Promise.resolve(NONE) };
  const list = `${url.replace(/\/+$/, "")}/api/products`;
  let kept = NONE;
  /** Until then `kept` is the answer: what was heard, or nothing after a failure. */
  let keptUntil = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;
  let isAway = false;

  const ask = async (): Promise<void> => {
    try {
      kept = await readProducts(list);
      keptUntil = clock.now() + KEPT_MS;
      if (isAway) log.info("the product service answers again");
      isAway = false;
    } catch (error) {
      kept = NONE;
      keptUntil = clock.now() + PAUSE_MS;
      const reason = error instanceof Error ? error.message : String(error);
      if (!isAway) log.warn("the product service does not answer", { reason });
      isAway = true;
    } finally {
      asking = null;
    }
  };

  return {
    async productsOf(productIds) {
      if (clock.now() >= keptUntil) await (asking ??= ask());
      return chosen(kept, productIds);
    },
  };
}

/** Products that cannot be understood are left out; an answer that is no list is none. */
async function readProducts(url: string): Promise<ProductsById> {
  const call = { method: "GET", url, withinMs: ANSWER_MS_MAX, bytesMax: ANSWER_BYTES_MAX } as const;
  const { status, text } = await callOut(call);
  if (status !== 200) throw new Error(`it answered ${status}`);
  const rows = z.array(z.unknown()).parse(JSON.parse(text));
  return new Map(
    rows.flatMap((row) => {
      const { data } = Product.safeParse(row);
      return data ? [[String(data.id), data] as const] : [];
    }),
  );
}

function chosen(known: ProductsById, productIds: readonly string[]): ProductsById {
  return new Map(
    productIds.flatMap((id) => {
      const product = known.get(id);
      return product ? [[id, product] as const] : [];
    }),
  );
}
