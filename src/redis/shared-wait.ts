/**
 * Waits that many share. One look at a time is under way, for all who came before it; who is not
 * served by it waits for the next one, until the deadline of each.
 */
import type { Receipt } from "#inventory/durability";
import type { Clock } from "#lib/clock";
import { withDeadline } from "#lib/deadline";
import type { Partition } from "#redis/partition";

/** Who waits in one process for one level; beyond it a caller hears the level that it has. */
export const WAITERS_MAX = 10_000;
/** Between two looks, longer with each that served nobody. */
const PAUSE_MS_FIRST = 2;
const PAUSE_MS_MAX = 50;

/** Whether what a receipt stands for is there; `never`: it will not come by itself. */
export type IsThere = (receipt: Receipt) => boolean | "never";

export interface SharedWaitOptions {
  /** By their numbers. */
  readonly partitions: readonly Pick<Partition, "rebuilt">[];
  readonly clock: Clock;
  /** Finds out for all receipts that there are by now. It rejects when nothing could be found. */
  readonly look: (receipts: readonly Receipt[]) => Promise<IsThere>;
  readonly onFailure: (error: unknown) => void;
}

interface Waiter {
  readonly receipts: readonly Receipt[];
  readonly deadline: number;
  readonly resolve: (isReached: boolean) => void;
}

export class SharedWait {
  readonly #options: SharedWaitOptions;
  #waiting: Waiter[] = [];
  #count = 0;
  #isRunning = false;

  constructor(options: SharedWaitOptions) {
    this.#options = options;
  }

  /** Whether all of it was there before the deadline. */
  reached(receipts: readonly Receipt[], deadline: number): Promise<boolean> {
    if (this.#count >= WAITERS_MAX) return Promise.resolve(false);
    this.#count += 1;
    const reached = new Promise<boolean>((resolve) => {
      this.#waiting.push({ receipts, deadline, resolve });
    });
    if (!this.#isRunning) void this.#run();
    const { clock } = this.#options;
    return withDeadline(reached, { at: deadline, clock }, () => false);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let pause = PAUSE_MS_FIRST;
    while (this.#waiting.length > 0) {
      const asked = this.#waiting;
      this.#waiting = [];
      const isThere = await this.#look(asked.flatMap(({ receipts }) => receipts));
      const left = asked.filter((waiter) => !this.#settle(waiter, isThere));
      pause = left.length < asked.length ? PAUSE_MS_FIRST : Math.min(2 * pause, PAUSE_MS_MAX);
      this.#waiting = [...left, ...this.#waiting];
      this.#count = this.#waiting.length;
      if (this.#count > 0) await Bun.sleep(pause);
    }
    this.#isRunning = false;
  }

  async #look(receipts: readonly Receipt[]): Promise<IsThere> {
    try {
      return await this.#options.look(receipts);
    } catch (error) {
      this.#options.onFailure(error);
      return () => false;
    }
  }

  /** Answers whether the waiter is done with. */
  #settle({ receipts, deadline, resolve }: Waiter, isThere: IsThere): boolean {
    const found = receipts.map(isThere);
    const isReached = found.every((one) => one === true);
    // After a rebuild the same numbers may be counted anew: no witness of what was before it.
    const isOver = receipts.some((receipt) => !this.#isPresent(receipt));
    const isVain = found.includes("never");
    if (isOver || isVain || isReached || this.#options.clock.now() >= deadline) {
      resolve(isReached && !isOver);
      return true;
    }
    return false;
  }

  #isPresent({ partition, epoch }: Receipt): boolean {
    return epoch >= (this.#options.partitions[partition]?.rebuilt ?? Infinity);
  }
}
