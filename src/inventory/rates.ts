/** How many requests a caller may make: quotas, and what became of one request's share of them. */

/** So many requests in such a time. All may come at once; each is there again an n-th of it later. */
export interface Quota {
  /** Whose: `customer` or `address`. */
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
}

/** One whose requests are counted. */
export interface Counted {
  readonly quota: Quota;
  /** Who, in letters and digits. */
  readonly identity: string;
}

/** What is left of a quota. */
export interface Left {
  readonly requests: number;
  /** Milliseconds until all of it is there again. */
  readonly wholeInMs: number;
}

/** One request, to be counted once, with all it is counted for or with none. */
export class Charge {
  readonly counted: readonly Counted[];
  #left: readonly Left[] = [];
  #waitMs = 0;
  #isSettled = false;

  constructor(counted: readonly Counted[]) {
    this.counted = counted;
  }

  /** Whether it was decided on: then it is not counted again. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** What its quotas have left, in their order; none where nobody could say. */
  get left(): readonly Left[] {
    return this.#left;
  }

  /** Milliseconds until there is room for it; 0: it may go on. */
  get waitMs(): number {
    return this.#waitMs;
  }

  settle(left: readonly Left[], waitMs: number): void {
    this.#left = left;
    this.#waitMs = waitMs;
    this.#isSettled = true;
  }
}

/** Counts requests that no batch counts on its way. */
export interface Rates {
  /** Rejects with the Fault `rate_limited` where there is no room. Who cannot be counted may go on. */
  count(charge: Charge): Promise<void>;
}
