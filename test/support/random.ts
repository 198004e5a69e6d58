/** Chance that can be had again: the same seed gives the same numbers. */

/** fast-check and its like take a 32-bit integer. */
export const SEED_MAX = 2 ** 31;

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from `least` to below `end`. */
  whole(least: number, end: number): number {
    return least + Math.floor(this.next() * (end - least));
  }

  /** Of a chance of its own for somebody, who may draw as often as he likes. */
  seed(): number {
    return this.whole(0, SEED_MAX);
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.whole(0, items.length)];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, at: this.next() }))
      .toSorted((one, other) => one.at - other.at)
      .map(({ item }) => item);
  }

  /** A name, by weights. */
  weighed<Name extends string>(weights: Readonly<Record<Name, number>>, otherwise: Name): Name {
    let left = this.next() * Object.values<number>(weights).reduce((sum, one) => sum + one, 0);
    for (const name in weights) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return otherwise;
  }
}
