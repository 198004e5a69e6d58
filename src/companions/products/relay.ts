/**
 * Tells the inventory what the outbox has, and goes on with removals that nobody is at. The same row may be
 * told twice: its key makes it one.
 */
import type { Removals } from "#companions/products/removals";
import type { Removing } from "#companions/products/removal";
import type { StockOfProducts } from "#companions/products/stock";
import type { Products } from "#companions/products/store";
import { startRelay, type RelayOptions } from "#companions/shell/relay";

export interface Relay {
  /** Tells a row that was just written. Never rejects. */
  readonly wake: (id: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface ProductsRelayOptions extends Pick<
  RelayOptions,
  "queueRedis" | "workerRedis" | "log"
> {
  readonly products: Products;
  readonly stock: StockOfProducts;
  readonly removals: Removals;
  readonly removing: Removing;
}

const ROW = "row-";
const REMOVAL = "removal-";

export function startProductsRelay(options: ProductsRelayOptions): Relay {
  const { products, stock, removals, removing, ...shared } = options;
  const idOf = (job: string): number => Number(job.replace(/^\w+-/, ""));
  const { wake, close } = startRelay({
    ...shared,
    service: "products",
    queue: "outbox",
    async waiting(most) {
      const rows = (await products.allWaiting(most)).map(({ id }) => `${ROW}${id}`);
      const left = (await removals.waiting(most)).map((id) => `${REMOVAL}${id}`);
      return [...rows, ...left];
    },
    async work(job) {
      if (job.startsWith(REMOVAL)) return await removing.takeUp(idOf(job));
      const waiting = await products.waiting(idOf(job));
      if (waiting === null) return;
      await stock.initialize(waiting.call, waiting.key);
      await products.done(waiting.id);
    },
    failed: (job, why) => (job.startsWith(REMOVAL) ? removals : products).failed(idOf(job), why),
  });
  return { wake: (id) => wake(`${ROW}${id}`), close };
}
