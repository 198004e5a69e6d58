/** Where a history may be: each place once. */
import { allowsMore, keyOf, type State } from "./state";
import type { Operation } from "./operations";

export interface Configuration {
  readonly state: State;
  /** Open operations that took effect. */
  readonly done: readonly Operation[];
  /** What came last, if it was something that nobody waits for. */
  readonly last: Unheard | null;
}

/** A hold that was released, or an operation that was never answered: both may come at any time. */
export interface Unheard {
  readonly before: State;
  /** The same from another state. */
  readonly again: (state: State) => readonly State[];
}

export class Configurations {
  readonly all: Configuration[] = [];
  readonly #states = new Map<string, State[]>();

  constructor(all: readonly Configuration[]) {
    for (const one of all) this.add(one);
  }

  get size(): number {
    return this.all.length;
  }

  /** False: one is there from which all can follow that can follow this one. */
  add(configuration: Configuration): boolean {
    const { state, done } = configuration;
    const ids = done.map(({ id }) => id).toSorted((one, other) => one - other);
    const key = `${ids.join(" ")}|${keyOf(state)}`;
    const known = this.#states.get(key) ?? [];
    if (known.some((one) => allowsMore(one, state))) return false;
    known.push(state);
    this.#states.set(key, known);
    this.all.push(configuration);
    return true;
  }
}
