/** What a fault is: data, with a begin that answers how it ends. */
import type { Random } from "#test/random";
import type { Bed, Need } from "#faults/bed";
import type { BedLoad } from "#faults/load";
import type { Witness } from "#faults/witness";

export interface During {
  readonly bed: Bed;
  readonly load: BedLoad;
  /** All that is random in it: its seed repeats the choices. */
  readonly random: Random;
  /** Notes that what the witness `sight` is about was seen, so often. */
  readonly saw: (times: number) => void;
}

type End = () => Promise<void> | void;

export interface Fault {
  /** `kill-api`. */
  readonly name: string;
  /** One line for `--list`. */
  readonly what: string;
  /** What must have been seen, or it was no such fault. */
  readonly witness: Witness;
  readonly needs?: readonly Need[];
  /** Between its begin and its end. */
  readonly lastsMs: readonly [least: number, most: number];
  /** What was acknowledged may be gone afterwards; then it must have been reported. */
  readonly mayLose?: true;
  /** The load asks for nothing that the ledger alone knows, which would wait for it. */
  readonly withoutLedger?: true;
  /** Why no hold of the load falls due: a process beside the service would have to make them. */
  readonly withoutShortHolds?: string;
  /** It takes more than some seconds: the small share of `run test` leaves it out. */
  readonly isSlow?: true;
  /** Does the harm; answers how it is undone, where it does not undo itself. */
  begin(during: During): Promise<End | void> | End | void;
}
