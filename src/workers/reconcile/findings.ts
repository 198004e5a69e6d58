/** What a comparison has found so far, bounded in what is kept and not in what is counted. */
import type { Checked, Difference } from "#inventory/reconcile-ports";

/** Differences that a report names; it tells how many there are besides. */
export const DIFFERENCES_KEPT = 1_000;
/** Names that are remembered, so that what is met twice counts once. */
const NAMES_MAX = 1_000_000;

/** A difference before anybody tried to mend it. */
export type Found = Omit<Difference, "repaired">;

export class Findings {
  readonly #kept: Difference[] = [];
  readonly #names = new Set<string>();
  readonly #checked = { products: 0, levels: 0, holds: 0, movements: 0 };
  #count = 0;
  /** Changes without a record that were written down since. */
  explained = 0;

  /** Whether it is new: a walk over the keys of a Redis that grows meets some of them twice. */
  isNew(found: Found): boolean {
    return !this.#names.has(nameOf(found));
  }

  add(found: Found, repaired: boolean): void {
    const name = nameOf(found);
    if (this.#names.has(name)) return;
    if (this.#names.size < NAMES_MAX) this.#names.add(name);
    this.#count += 1;
    if (this.#kept.length < DIFFERENCES_KEPT) this.#kept.push({ ...found, repaired });
  }

  looked(what: keyof Checked, count: number): void {
    this.#checked[what] += count;
  }

  get checked(): Checked {
    return { ...this.#checked };
  }

  get count(): number {
    return this.#count;
  }

  get kept(): readonly Difference[] {
    return this.#kept;
  }
}

const nameOf = ({ kind, partition, productId, location, reservationId, cause }: Found): string =>
  [kind, partition, productId, location, reservationId, cause].join("\t");
