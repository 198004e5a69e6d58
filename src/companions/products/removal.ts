/**
 * Takes a product out of the shop, where nobody holds any of it. First nobody can take any more, then it
 * is looked who has some; so what it was before that is written down first. Each step is written down
 * behind what it did: whoever finds a removal in between goes on with it, and several at once do what one
 * does, because each call has a key of the row, and each note is made once.
 *
 *     begun ──► noted ──► off sale ──► gone
 *                             └──────► kept ──► on sale again
 */
import type { Removal, Removals } from "#companions/products/removals";
import { isRefused, isUnsure, type StockOfProducts } from "#companions/products/stock";
import type { Products } from "#companions/products/store";
import { Refused } from "#companions/shell/app";

/** From the beginning to an end there are five; more means that two processes push it back and forth. */
const STEPS_MAX = 10;
/** Removals of others that end while one is waited for. */
const TURNS_MAX = 5;

/** `held`: so many units of it are, and it stays. */
export type Removed = { readonly kind: "gone" } | { readonly kind: "held"; readonly units: number };

export interface Removing {
  /** null: there is no such product. Refuses with 503 where it is not certain: it goes on by itself. */
  remove(productId: number): Promise<Removed | null>;
  /** As remove, for one that is under way. Rejects while it is not certain. */
  takeUp(productId: number): Promise<void>;
}

export interface RemovingOptions {
  readonly removals: Removals;
  readonly products: Pick<Products, "byId" | "waitingOf" | "done">;
  readonly stock: StockOfProducts;
}

export function createRemoving({ removals, products, stock }: RemovingOptions): Removing {
  /** Makes the item where that is still to be done: else it could come when the product is gone. False: there is none. */
  const hasMade = async ({ productId }: Removal): Promise<boolean> => {
    const waiting = await products.waitingOf(productId);
    // It may have been made since it was looked for.
    if (waiting === null) return (await stock.itemOf(String(productId))) !== null;
    try {
      await stock.initialize(waiting.call, waiting.key);
    } catch (error) {
      if (isRefused(error)) return false;
      throw error;
    }
    await products.done(waiting.id);
    return true;
  };
  /** null: it has a step to go. */
  const step = async (removal: Removal): Promise<Removed | null> => {
    const { productId, sku, key, safetyStock, held } = removal;
    const id = String(productId);
    if (held !== null) {
      await stock.amend(id, safetyStock ?? 0, `${key}-back`);
      await removals.end(removal);
      return { kind: "held", units: held };
    }
    const item = await stock.itemOf(id);
    // Another product's item under this id is not ours to take off sale.
    if (item === null ? !(await hasMade(removal)) : item.sku !== sku) {
      return (await removals.remove(removal)) ? { kind: "gone" } : null;
    }
    if (item === null) return null;
    if (safetyStock === null) {
      await removals.note(removal, item.safetyStock);
      return null;
    }
    await stock.withdraw(id, `${key}-off`);
    const units = (await stock.itemOf(id))?.reservedStock ?? 0;
    if (units === 0) return (await removals.remove(removal)) ? { kind: "gone" } : null;
    await removals.keep(removal, units);
    return null;
  };
  /** null: none is under way, or another process has ended it. */
  const settle = async (productId: number): Promise<Removed | null> => {
    for (let count = 0; count < STEPS_MAX; count += 1) {
      const removal = await removals.byProduct(productId);
      if (removal === null) return null;
      const removed = await step(removal);
      if (removed !== null) return removed;
    }
    throw new Error(`the removal of product ${productId} comes to no end`);
  };
  const ended = async (productId: number): Promise<Removed | null> => {
    for (let count = 0; count < TURNS_MAX; count += 1) {
      if (!(await removals.begin(productId))) return count === 0 ? null : { kind: "gone" };
      const removed = await settle(productId);
      if (removed !== null) return removed;
    }
    throw new Refused(503, "others remove it, too, and keep it: ask again");
  };
  return {
    async remove(productId) {
      try {
        return await ended(productId);
      } catch (error) {
        if (!isUnsure(error)) throw error;
        await removals.failed(productId, error.message);
        throw new Refused(
          503,
          "the inventory does not answer: the removal goes on by itself, ask again what became of it",
        );
      }
    },
    async takeUp(productId) {
      await settle(productId);
    },
  };
}
