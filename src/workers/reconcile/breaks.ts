/**
 * Places where a level does not go on as it ended: something changed it without a record, and traffic
 * passed over it. A repair writes that down at the end, as movements that name the place and come to
 * the opposite: the two explain each other.
 */
import type { LostChange } from "#inventory/ledger-snapshot";
import { settle, type Comparison } from "#workers/reconcile/comparison";

/** Breaks that wait for what explains them; with more of them each is told as it is met. */
const BREAKS_MAX = 100_000;

/** Between movements `after` and `seq` of a level. */
export interface Break {
  readonly partition: number;
  readonly seq: number;
  readonly after: number;
  readonly change: LostChange;
}

export const levelName = (at: { readonly productId: string; readonly location: string }): string =>
  `${at.productId}\t${at.location}`;
export const countsOf = ({ onHand, reserved }: { onHand: number; reserved: number }): string =>
  `${onHand} on hand, ${reserved} reserved`;

export class Breaks {
  readonly #run: Comparison;
  /** By partition and seq. */
  readonly #open = new Map<string, Break>();

  constructor(run: Comparison) {
    this.#run = run;
  }

  /** `explains` is the seq of the one that it was written for. */
  async met(own: Break, explains: number | null): Promise<void> {
    const place = `${own.partition} ${explains ?? ""}`;
    const other = this.#open.get(place);
    if (other !== undefined && isUndone(other.change, own.change)) {
      this.#open.delete(place);
      this.#run.findings.explained += 1;
    } else if (this.#open.size < BREAKS_MAX) this.#open.set(`${own.partition} ${own.seq}`, own);
    else await this.#tell(own);
  }

  /** Tells of those that nothing explains. */
  async settle(): Promise<void> {
    for (const one of this.#open.values()) await this.#tell(one);
  }

  async #tell({ partition, seq, after, change }: Break): Promise<void> {
    const { productId, location } = change;
    this.#run.broken.add(productId);
    const from = countsOf({ onHand: change.onHandBefore, reserved: change.reservedBefore });
    const begins = countsOf({ onHand: change.onHandAfter, reserved: change.reservedAfter });
    const ends = after === 0 ? `${from} before it` : `movement ${after} ends at ${from}`;
    const found = {
      kind: "break" as const,
      partition,
      productId,
      location,
      reservationId: null,
      redis: null,
      ledger: `${ends}; movement ${seq} begins at ${begins}`,
      cause: `it changed without a record between movements ${after} and ${seq}`,
    };
    await settle(this.#run, { found, repair: { side: "break", partition, seq, change } });
  }
}

/** Whether both are of one level, and come to nothing together. */
function isUndone(one: LostChange, other: LostChange): boolean {
  return (
    levelName(one) === levelName(other) &&
    one.onHandAfter - one.onHandBefore === other.onHandBefore - other.onHandAfter &&
    one.reservedAfter - one.reservedBefore === other.reservedBefore - other.reservedAfter
  );
}
