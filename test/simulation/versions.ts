/** The versions of products that callers were told of: who reads later sees nothing older. */
import type { Receipt } from "#inventory/durability";
import type { ProductId } from "#inventory/model";

/** Of a product: the seq of its last movement. */
export interface Version {
  readonly product: ProductId;
  readonly seq: number;
}

export class Versions {
  readonly #told = new Map<ProductId, number>();
  /** Epochs up to this one have lost something: who acknowledged it may be heard of later. */
  #lostEpoch = -1;
  /** How often Redis came back without what it had. */
  losses = 0;

  /** Redis loses what it has, and numbers are given again in the next epoch. */
  lose(epoch: number): void {
    this.losses += 1;
    this.#lostEpoch = Math.max(this.#lostEpoch, epoch);
    this.#told.clear();
  }

  /** An answer tells of these, as Redis stood by its receipts. */
  tell(versions: readonly Version[], receipts: readonly Receipt[]): void {
    const last = receipts.at(-1);
    if (last === undefined || last.epoch <= this.#lostEpoch) return;
    for (const { product, seq } of versions) {
      this.#told.set(product, Math.max(this.of(product), seq));
    }
  }

  /** The newest that was told of; 0 where none was since Redis last lost something. */
  of(product: ProductId): number {
    return this.#told.get(product) ?? 0;
  }
}
