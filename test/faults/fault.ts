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

/** After it the ledger has all. */
export const LAG_MS_MAX = 10_000;
/** After it what falls due ends within a second. */
export const ON_TIME_MS_MAX = 5_000;
/** A rebuild asks twice, 5 s apart, whether another server is in use. */
const REBUILT_MS_MAX = 30_000;

/** How long after its end all must be as ever. */
export function settlingOf({ mayLose, endsLate }: Fault): { lagMs: number; onTimeMs: number } {
  if (mayLose === true) return { lagMs: REBUILT_MS_MAX, onTimeMs: REBUILT_MS_MAX };
  return { lagMs: LAG_MS_MAX, onTimeMs: endsLate?.untilMs ?? ON_TIME_MS_MAX };
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
  /** Who ends holds needs longer than after others until it is in time again. */
  readonly endsLate?: { readonly untilMs: number; readonly because: string };
  /** The load asks for nothing that the ledger alone knows, which would wait for it. */
  readonly withoutLedger?: true;
  /** Why no hold of the load falls due: a process beside the service would have to make them. */
  readonly withoutShortHolds?: string;
  /** It takes more than some seconds: the small share of `run test` leaves it out. */
  readonly isSlow?: true;
  /** Does the harm; answers how it is undone, where it does not undo itself. */
  begin(during: During): Promise<End | void> | End | void;
}
