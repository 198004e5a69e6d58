/**
 * Offers free units to those who wait for them. What is free is Redis's to say, and a step that is lost, late
 * or doubled changes nothing: this only says when to look. It looks when the journal tells that something
 * happened where somebody waits, and each second by itself, which also works while PostgreSQL is away.
 */
import { factsOf, Fault } from "#inventory/faults";
import type { JournalEntry } from "#inventory/ports";
import { OFFER_PRODUCTS_MAX, type OfferTo, type Waitlist } from "#inventory/waitlist-ports";
import type { Clock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";

/** How late an offer may be when the journal is not read. */
const LOOK_EVERY_MS = 1_000;
/** Looks by itself of which one looks at all products: what became free without a movement of them. */
const LOOKS_OF_ALL = 5;
/** Bounded steps of one look, after which the next one goes on: 64 offers a step. */
const STEPS_MAX = 1_000;
/** One step has its answer by then. */
const STEP_MS_MAX = 3_000;

export interface OfferWorkerOptions {
  readonly waitlist: Pick<Waitlist, "offer">;
  readonly partitions: number;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "outcome">;
  readonly log: Log;
  readonly lookEveryMs?: number;
}

interface Looking {
  /** Whether somebody waits for anything, as far as this process knows. */
  isWaited: boolean;
  /** The look under way. */
  run: Promise<void> | null;
  /** Whether something happened since it began. */
  isAgain: boolean;
}

export class OfferWorker implements AsyncDisposable {
  readonly #options: OfferWorkerOptions;
  readonly #looking: readonly Looking[];
  readonly #timer: ReturnType<typeof setInterval>;
  #looks = 0;
  #isStopped = false;
  /** The Fault that was told last and still stands. */
  #told: string | null = null;

  constructor(options: OfferWorkerOptions) {
    this.#options = options;
    this.#looking = Array.from({ length: options.partitions }, () => {
      return { isWaited: true, run: null, isAgain: false };
    });
    this.#timer = setInterval(() => this.#lookByItself(), options.lookEveryMs ?? LOOK_EVERY_MS);
    this.#lookByItself();
  }

  /** Something happened in that partition. Never waits, never throws. */
  look(partition: number, entries: readonly JournalEntry[]): void {
    const looking = this.#looking[partition];
    if (looking === undefined) return;
    const isJoined = entries.some(({ records }) => records.some(({ kind }) => kind === "waiting"));
    if (isJoined) looking.isWaited = true;
    if (looking.isWaited) this.#begin(partition, looking, false);
  }

  /** Ends after the step at hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await Promise.all(this.#looking.map(({ run }) => run ?? Promise.resolve()));
  }

  #lookByItself(): void {
    const ofAll = this.#looks % LOOKS_OF_ALL === 0;
    this.#looks += 1;
    for (const [partition, looking] of this.#looking.entries()) {
      this.#begin(partition, looking, ofAll);
    }
  }

  #begin(partition: number, looking: Looking, ofAll: boolean): void {
    if (this.#isStopped) return;
    if (looking.run !== null) {
      looking.isAgain = true;
      return;
    }
    looking.run = this.#look(partition, looking, ofAll).finally(() => {
      looking.run = null;
      if (!looking.isAgain) return;
      looking.isAgain = false;
      this.#begin(partition, looking, false);
    });
  }

  async #look(partition: number, looking: Looking, ofAll: boolean): Promise<void> {
    try {
      looking.isWaited = await this.#offerFreed(partition);
      if (ofAll && looking.isWaited) await this.#offerOthers(partition);
      this.#told = null;
    } catch (error) {
      const isTold = error instanceof Fault && this.#told === error.message;
      this.#told = error instanceof Fault ? error.message : null;
      const level = isTold ? "debug" : this.#told === null ? "error" : "warn";
      this.#options.log[level]("units could not be offered", { partition, ...factsOf(error) });
    }
  }

  /** Answers whether somebody waits. */
  async #offerFreed(partition: number): Promise<boolean> {
    for (let step = 0; step < STEPS_MAX && !this.#isStopped; step += 1) {
      const { more, waited } = await this.#step(partition, "freed");
      if (!more) return waited > 0;
    }
    return true;
  }

  /** Of products of which nothing was free after their last movement. */
  async #offerOthers(partition: number): Promise<void> {
    for (let step = 0; step < STEPS_MAX && !this.#isStopped; step += 1) {
      const { more } = await this.#step(partition, step * OFFER_PRODUCTS_MAX);
      if (!more) return;
    }
  }

  async #step(partition: number, to: OfferTo) {
    const { waitlist, clock, metrics, log } = this.#options;
    const result = await waitlist.offer(partition, to, clock.now() + STEP_MS_MAX);
    const { offered, left, damaged } = result;
    if (offered > 0) metrics.outcome("waitlist", "offered", offered);
    if (left > 0) metrics.outcome("waitlist", "passed_over", left);
    if (damaged.length > 0) {
      log.error("units cannot be offered: what is noted of who waits cannot be read", {
        partition,
        products: damaged,
      });
    }
    return result;
  }
}
