/** Tells the inventory what the outbox has. The same row may be told twice: its key makes it one. */
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
}

const ROW = "row-";

export function startProductsRelay({ products, stock, ...shared }: ProductsRelayOptions): Relay {
  const idOf = (job: string): number => Number(job.slice(ROW.length));
  const { wake, close } = startRelay({
    ...shared,
    service: "products",
    queue: "outbox",
    async waiting(most) {
      return (await products.allWaiting(most)).map(({ id }) => `${ROW}${id}`);
    },
    async work(job) {
      const waiting = await products.waiting(idOf(job));
      if (waiting === null) return;
      await stock.initialize(waiting.call, waiting.key);
      await products.done(waiting.id);
    },
    failed: (job, why) => products.failed(idOf(job), why),
  });
  return { wake: (id) => wake(`${ROW}${id}`), close };
}
