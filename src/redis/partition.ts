/** What this process knows of a partition, and whether it may send anything there. */
import { Fault } from "#inventory/faults";
import type { Clock } from "#lib/clock";
import { Acknowledged } from "#redis/acknowledged";

/**
 * closed: no connection, or its server has not been looked at since it started; callers wait.
 * open: the epoch is known and the server is the one that wears it.
 * fenced: Redis lacks what was acknowledged; callers are refused until it is rebuilt.
 */
export type PartitionState = "closed" | "open" | "fenced";

/** Where a product lives among so many partitions. */
export const partitionOf = (productId: string, partitions: number): number =>
  partitions === 1 ? 0 : Bun.hash.crc32(productId) % partitions;

export class Partition {
  readonly number: number;
  readonly #clock: Clock;
  #state: PartitionState = "closed";
  #heardAt = 0;
  readonly #waiting = new Set<() => void>();
  readonly #onRebuilt: (() => void)[] = [];
  /** The epoch that scripts must find. */
  epoch = 0;
  /** The highest seq this process has seen: a server below it is not the one that answered. */
  mark = 0;
  /** Everything up to here is in the ledger, as far as this process heard. */
  drained = 0;
  /** The last epoch that began by a rebuild: what was sent before it can have been lost. */
  rebuilt = 0;
  /** What was answered and is not in the ledger yet. */
  readonly acknowledged: Acknowledged;
  /** Redis's clock less this machine's, in milliseconds, at the last answer. */
  clockAheadMs = 0;

  constructor(number: number, clock: Clock) {
    this.number = number;
    this.#clock = clock;
    this.acknowledged = new Acknowledged(number);
  }

  get state(): PartitionState {
    return this.#state;
  }

  /** After a rebuild what was seen before counts no more: it is in the ledger, or reported as lost. */
  open(epoch: number, seq: number, rebuilt: number): void {
    const isRebuilt = rebuilt > this.epoch;
    if (isRebuilt) {
      this.mark = seq;
      this.drained = seq;
      this.acknowledged.clear();
    }
    this.mark = Math.max(this.mark, seq);
    this.epoch = epoch;
    this.rebuilt = rebuilt;
    this.#become("open");
    if (isRebuilt) for (const listener of this.#onRebuilt) listener();
  }

  /** Told each time that it opens in a history that began by a rebuild since it was open last. */
  onRebuilt(listener: () => void): void {
    this.#onRebuilt.push(listener);
  }

  close(): void {
    if (this.#state === "open") this.#become("closed");
  }

  fence(): void {
    this.#become("fenced");
  }

  /** Redis stood there in the present epoch: what was acknowledged up to then can be missed. */
  seen(seq: number): void {
    this.mark = Math.max(this.mark, seq);
  }

  /** Learns from an answer's status line. */
  heard(answer: { readonly seq: number; readonly now: number; readonly drained: number }): void {
    this.mark = Math.max(this.mark, answer.seq);
    this.drained = Math.max(this.drained, answer.drained);
    this.acknowledged.drained(this.drained);
    // A kept answer brings the time at which it was first given.
    if (answer.now <= this.#heardAt) return;
    this.#heardAt = answer.now;
    this.clockAheadMs = answer.now - Date.now();
  }

  /** Resolves when something may be sent; rejects with a Fault at the deadline or when fenced. */
  async opened(deadline: number): Promise<void> {
    while (this.#state !== "open") {
      if (this.#state === "fenced") {
        throw new Fault("partition_fenced", `partition ${this.number} is being rebuilt`);
      }
      const left = deadline - this.#clock.now();
      if (left <= 0) throw new Fault("redis_unavailable", "Redis cannot be used at the moment");
      await this.#changed(left);
    }
  }

  #become(state: PartitionState): void {
    this.#state = state;
    for (const wake of this.#waiting) wake();
  }

  #changed(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, withinMs);
      this.#waiting.add(wake);
    });
  }
}
