/** What a comparison has found so far, bounded in what is kept and not in what is counted. */
import { hash } from "node:crypto";
import type { QuarantinedMovement } from "#inventory/reconcile-sides";
import type {
  Checked,
  Difference,
  LeftOutLimit,
  LeftOutReason,
  ReconcileReport,
} from "#inventory/reconcile-ports";

/** Differences that a report names; it tells how many there are besides. */
export const DIFFERENCES_KEPT = 1_000;
/** Limits that were not compared, of those that a report names. */
const LEFT_OUT_KEPT = 100;
/** Movements in quarantine that a report names. */
const QUARANTINE_KEPT = 100;
/** Names that are remembered, so that what is met twice counts once. */
const NAMES_MAX = 1_000_000;
const NAME_HEX_DIGITS = 32;

/** A difference before anybody tried to mend it. */
export type Found = Omit<Difference, "repaired">;

/** By the hash of its name; null: it is one of more than a report names. */
export type Mended = ReadonlyMap<string, Difference | null>;

export class Findings {
  readonly #kept: Difference[] = [];
  readonly #names = new Set<string>();
  readonly #checked = { products: 0, levels: 0, holds: 0, movements: 0 };
  /** Mended by an earlier attempt at this run, and not found any more so far. */
  readonly #earlier: Map<string, Difference | null>;
  #count = 0;
  /** Changes without a record that were written down since. */
  explained = 0;
  readonly #leftOut: LeftOutLimit[] = [];
  #leftOutCount = 0;
  /** Products that were asked for and that neither side knows. */
  readonly unknownProductIds: string[] = [];
  /** Movements in quarantine, once they were read. */
  quarantine: readonly QuarantinedMovement[] = [];

  constructor(earlier: Mended = new Map()) {
    this.#earlier = new Map(earlier);
  }

  /** Whether it is new: a walk over the keys of a Redis that grows meets some of them twice. */
  isNew(found: Found): boolean {
    return !this.#names.has(nameOf(found));
  }

  add(found: Found, repaired: boolean): void {
    const name = nameOf(found);
    if (this.#names.has(name)) return;
    if (this.#names.size < NAMES_MAX) this.#names.add(name);
    // Found once more it counts once.
    if (this.#earlier.size > 0) this.#earlier.delete(hashOf(found));
    this.#count += 1;
    if (this.#kept.length < DIFFERENCES_KEPT) this.#kept.push({ ...found, repaired });
  }

  looked(what: keyof Checked, count: number): void {
    this.#checked[what] += count;
  }

  leaveOut(partition: number, limit: string, why: LeftOutReason): void {
    this.#leftOutCount += 1;
    if (this.#leftOut.length < LEFT_OUT_KEPT) this.#leftOut.push({ partition, limit, why });
  }

  get checked(): Checked {
    return { ...this.#checked };
  }

  get count(): number {
    return this.#count + this.#earlier.size;
  }

  get kept(): readonly Difference[] {
    const earlier = [...this.#earlier.values()].flatMap((one) => one ?? []);
    return [...earlier, ...this.#kept].slice(0, DIFFERENCES_KEPT);
  }

  report(): ReconcileReport {
    return {
      checked: this.checked,
      differences: this.kept,
      differenceCount: this.count,
      explained: this.explained,
      leftOutCount: this.#leftOutCount,
      leftOut: this.#leftOut,
      unknownProductIds: this.unknownProductIds,
      quarantined: this.quarantine.length,
      quarantine: this.quarantine
        .slice(0, QUARANTINE_KEPT)
        .map(({ partition, seq }) => ({ partition, seq })),
    };
  }
}

const nameOf = ({ kind, partition, productId, location, reservationId, cause }: Found): string =>
  [kind, partition, productId, location, reservationId, cause].join("\t");

/** A name of one length, whatever the difference says. */
export const hashOf = (found: Found): string =>
  hash("sha256", nameOf(found)).slice(0, NAME_HEX_DIGITS);
