/** Which faults, in which order, with which seed each: drawn by one number. */
import { Random } from "#test/random";
import { UsageError } from "#test/arguments";
import { mayMount } from "#test/disks";
import { seedBehind } from "#test/scale";
import type { Need } from "#faults/bed";
import type { Fault } from "#faults/fault";

export interface Step {
  readonly fault: Fault;
  /** Of all that is random in it and in its load. */
  readonly seed: number;
}

/** Round after round of all of them, each round in another order. */
export function* planOf(faults: readonly Fault[], seed: number): Generator<Step, never> {
  if (faults.length === 0) throw new Error("there is no fault to plan");
  for (let number = 0; ;) {
    for (const fault of new Random(seedBehind(seed, number)).shuffled(faults)) {
      yield { fault, seed: seedBehind(seed, number) };
      number += 1;
    }
  }
}

/** So many of them, or fewer where there is no more time for another one; at least one. */
export function* bounded(
  steps: Iterable<Step>,
  times: number,
  isTime: () => boolean,
): Generator<Step> {
  let taken = 0;
  for (const step of steps) {
    if (taken >= times || (taken > 0 && !isTime())) return;
    taken += 1;
    yield step;
  }
}

/** Those that an argument names, separated by commas. */
export function faultsIn(name: string, text: string, all: readonly Fault[]): readonly Fault[] {
  return text.split(",").map((named) => {
    const found = all.find((fault) => fault.name === named);
    if (found) return found;
    const known = all.map((fault) => fault.name).join(", ");
    throw new UsageError(
      `${name}: there is no fault ${JSON.stringify(named)} here; there are ${known}`,
    );
  });
}

/** Those for which this machine gives what they need; tells which it leaves out. */
export function possibleOf(
  faults: readonly Fault[],
  say: (line: string) => void,
): readonly Fault[] {
  const withDisk = faults.filter(({ needs = [] }) => needs.includes("ledger disk"));
  if (withDisk.length === 0 || mayMount()) return faults;
  for (const { name } of withDisk) say(`${name} is left out: no file system may be mounted here`);
  return faults.filter((fault) => !withDisk.includes(fault));
}

/** What a bed must have for all of them. */
export const needsOf = (faults: readonly Fault[]): ReadonlySet<Need> =>
  new Set(faults.flatMap(({ needs = [] }) => needs));

/** How the step is had again by itself, on a bed that nothing was done to before. */
export const aloneOf = ({ fault, seed }: Step): string =>
  `bun run faults --only ${fault.name} --seed ${seed} --times 1`;
