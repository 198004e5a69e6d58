/** What products needs of the inventory, by its typed client. */
import { createClient, HoldfastProblem } from "#client/client";
import type { Call } from "#companions/products/store";

/** What there is of a product. */
export interface Stock {
  readonly totalStock: number;
  readonly reservedStock: number;
  readonly availableStock: number;
}

export interface StockOfProducts {
  /** Makes the item of a product; one that is there already stays as it is. */
  initialize(call: Call, key: string): Promise<void>;
  /** null: the inventory has no such item. */
  stockOf(productId: string): Promise<Stock | null>;
  /**
   * Takes the product off sale where nobody holds any of it, so that none can be reserved any more. Answers
   * how many units are held; 0: it is off sale.
   */
  withdraw(productId: string): Promise<number>;
}

export interface StockOptions {
  readonly url: string;
  readonly token: () => Promise<string>;
}

/** As much safety stock as a product may have: nothing of it is available then. */
const SAFETY_STOCK_MAX = 1_000_000_000_000;

/** A page of products waits for no inventory that is slow. */
const READ_MS_MAX = 1_000;

export function createStockOfProducts({ url, token }: StockOptions): StockOfProducts {
  const inventory = createClient({ url, token });
  const reading = createClient({ url, token, deadlineMs: READ_MS_MAX, attemptMs: READ_MS_MAX });
  const product = inventory.product[":productId"];
  const safetyStockOf = async (productId: string): Promise<number> => {
    const answer = await product.$get({ param: { productId }, query: {} });
    return (await answer.json()).safetyStock;
  };
  const stockBy = async (by: typeof inventory, productId: string): Promise<Stock | null> => {
    try {
      const answer = await by.product[":productId"].$get({ param: { productId }, query: {} });
      const { totalStock, reservedStock, availableStock } = await answer.json();
      return { totalStock, reservedStock, availableStock };
    } catch (error) {
      if (error instanceof HoldfastProblem && error.status === 404) return null;
      throw error;
    }
  };
  return {
    async initialize(call, key) {
      try {
        await inventory.initialize.$post({ json: call }, { headers: { "idempotency-key": key } });
      } catch (error) {
        const isThere = error instanceof HoldfastProblem && error.code === "already_exists";
        if (!isThere) throw error;
        const found = await product.$get({ param: { productId: call.productId }, query: {} });
        const { sku } = await found.json();
        if (sku === call.sku) return;
        throw new Error(`the inventory has another product under ${call.productId}: ${sku}`, {
          cause: error,
        });
      }
    },
    stockOf: (productId) => stockBy(reading, productId),
    async withdraw(productId) {
      if ((await stockBy(inventory, productId)) === null) return 0;
      const before = await safetyStockOf(productId);
      const amend = (safetyStock: number) =>
        product.$patch({ param: { productId }, json: { safetyStock } });
      // First nobody can take any more, then it is looked who has some.
      await amend(SAFETY_STOCK_MAX);
      const held = (await stockBy(inventory, productId))?.reservedStock ?? 0;
      if (held > 0) await amend(before);
      return held;
    },
  };
}
