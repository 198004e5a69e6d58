/** What products needs of the inventory, by its typed client. */
import { createClient, HoldfastProblem, HoldfastUnanswered } from "#client/client";
import type { Call } from "#companions/products/store";

/** What there is of a product. */
export interface Stock {
  readonly totalStock: number;
  readonly reservedStock: number;
  readonly availableStock: number;
}

/** What a removal has to know of an item. */
export interface Item {
  readonly sku: string;
  readonly safetyStock: number;
  readonly reservedStock: number;
}

/** Whether it says that a call's outcome is not certain, or not to be had now. */
export const isUnsure = (error: unknown): error is Error =>
  error instanceof HoldfastProblem || error instanceof HoldfastUnanswered;
/** Whether the inventory will answer alike however often it is asked. */
export const isRefused = (error: unknown): boolean =>
  error instanceof HoldfastProblem && !error.retryable;

export interface StockOfProducts {
  /** Makes the item of a product; one that is there already stays as it is. */
  initialize(call: Call, key: string): Promise<void>;
  /** null: the inventory has no such item. Rejects while that is not known, or too many are asked for. */
  stockOf(productId: string): Promise<Stock | null>;
  /** null: the inventory has no such item. Rejects while that is not known. */
  itemOf(productId: string): Promise<Item | null>;
  /** Takes it off sale: none can be reserved any more. Under one key it happens once. */
  withdraw(productId: string, key: string): Promise<void>;
  /** Gives it this safety stock; likewise. */
  amend(productId: string, safetyStock: number, key: string): Promise<void>;
}

export interface StockOptions {
  readonly url: string;
  readonly token: () => Promise<string>;
}

/** As much safety stock as a product may have: nothing of it is available then. */
const SAFETY_STOCK_MAX = 1_000_000_000_000;

/** A page of products waits for no inventory that is slow. */
const READ_MS_MAX = 1_000;
/** Of all pages together: four with all that one may tell. Beyond it a page tells no stock. */
const READS_AT_ONCE_MAX = 400;

export function createStockOfProducts({ url, token }: StockOptions): StockOfProducts {
  const inventory = createClient({ url, token });
  const reading = createClient({ url, token, deadlineMs: READ_MS_MAX, attemptMs: READ_MS_MAX });
  const product = inventory.product[":productId"];
  /** How many are read for pages now. */
  let readsNow = 0;
  const foundBy = async (by: typeof inventory, productId: string) => {
    try {
      const answer = await by.product[":productId"].$get({ param: { productId }, query: {} });
      return await answer.json();
    } catch (error) {
      if (error instanceof HoldfastProblem && error.status === 404) return null;
      throw error;
    }
  };
  const amend = async (productId: string, safetyStock: number, key: string): Promise<void> => {
    const headers = { "idempotency-key": key };
    await product.$patch({ param: { productId }, json: { safetyStock } }, { headers });
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
    async stockOf(productId) {
      if (readsNow >= READS_AT_ONCE_MAX) throw new Error("the stock of too many is read at once");
      readsNow += 1;
      const found = await foundBy(reading, productId).finally(() => {
        readsNow -= 1;
      });
      if (found === null) return null;
      const { totalStock, reservedStock, availableStock } = found;
      return { totalStock, reservedStock, availableStock };
    },
    async itemOf(productId) {
      const found = await foundBy(inventory, productId);
      if (found === null) return null;
      const { sku, safetyStock, reservedStock } = found;
      return { sku, safetyStock, reservedStock };
    },
    withdraw: (productId, key) => amend(productId, SAFETY_STOCK_MAX, key),
    amend,
  };
}
