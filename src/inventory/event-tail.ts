/**
 * Waiting for events, shared by all who wait: one look at the ledger every `POLL_MS` tells which
 * types came, and wakes those who asked for one of them. Nobody waits: nothing is asked.
 */
import {
  ALERT_KINDS,
  type EventLedger,
  type EventPlace,
  type EventType,
} from "#inventory/event-ports";
import { Fault } from "#inventory/faults";

/** Between two looks: what a waiting caller hears an event late by, at most. */
const POLL_MS = 100;
/** Long polls that one process keeps open; whoever comes then hears 503. */
export const EVENT_WAITERS_MAX = 128;

export interface EventTailOptions {
  readonly events: Pick<EventLedger, "look">;
  /** How many wait now. */
  readonly onWaiters: (count: number) => void;
}

/** One who waits. Disposing it frees its place. */
export interface Waiter extends Disposable {
  /** True when one of its types may have come since it joined or last asked; false: give up. */
  news(msMax: number, gone: AbortSignal): Promise<boolean>;
}

/** Wakes long polls. Closed, it lets everybody go at once. */
export class EventTail {
  readonly #options: EventTailOptions;
  readonly #waiters = new Set<Bell>();
  #places: readonly EventPlace[] | null = null;
  #primed: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: EventTailOptions) {
    this.#options = options;
  }

  /**
   * Joins those who wait: what comes after this settled will be news. `types` null: all of them.
   * Rejects with `overloaded` when too many wait, with `ledger_unavailable` without a ledger.
   */
  async join(types: ReadonlySet<EventType> | null): Promise<Waiter> {
    if (this.#waiters.size >= EVENT_WAITERS_MAX) {
      throw new Fault("overloaded", "too many callers wait for events here");
    }
    const bell = new Bell(types, () => {
      this.#waiters.delete(bell);
      this.#options.onWaiters(this.#waiters.size);
    });
    this.#waiters.add(bell);
    this.#options.onWaiters(this.#waiters.size);
    try {
      if (this.#isClosed) bell.ring(false);
      else await (this.#primed ??= this.#start());
    } catch (error) {
      bell[Symbol.dispose]();
      throw error;
    }
    return bell;
  }

  /** Lets everybody go, for good. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const bell of this.#waiters) bell.ring(false);
  }

  /** Notes where the feeds end now: everything from here on will be noticed. */
  async #start(): Promise<void> {
    try {
      this.#places = (await this.#options.events.look(null)).places;
      this.#later();
    } catch (error) {
      this.#primed = null;
      throw error;
    }
  }

  #later(): void {
    this.#timer = setTimeout(() => void this.#look(), POLL_MS);
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#waiters.size === 0) {
      this.#primed = null;
      return;
    }
    const came = await this.#came();
    for (const bell of this.#waiters) if (bell.listensTo(came)) bell.ring(true);
    if (!this.#isClosed) this.#later();
  }

  /** What came since the last look. The ledger is away: whoever reads it then will say so. */
  async #came(): Promise<ReadonlySet<EventType>> {
    try {
      const known = this.#places ?? [];
      const { places, alerts } = await this.#options.events.look(known);
      this.#places = places;
      const hasMoved = places.some(({ seq }, i) => seq !== known[i]?.seq);
      return hasMoved ? new Set<EventType>(["movement", ...alerts]) : alerts;
    } catch {
      return new Set<EventType>(["movement", ...ALERT_KINDS]);
    }
  }
}

class Bell implements Waiter {
  readonly #types: ReadonlySet<EventType> | null;
  readonly #leave: () => void;
  #rung: boolean | null = null;
  #wake: ((isNews: boolean) => void) | null = null;

  constructor(types: ReadonlySet<EventType> | null, leave: () => void) {
    this.#types = types;
    this.#leave = leave;
  }

  listensTo(came: ReadonlySet<EventType>): boolean {
    return came.size > 0 && (this.#types === null || !came.isDisjointFrom(this.#types));
  }

  ring(isNews: boolean): void {
    // Whoever was told to go is not called back.
    if (this.#rung !== false) this.#rung = isNews;
    this.#wake?.(isNews);
  }

  async news(msMax: number, gone: AbortSignal): Promise<boolean> {
    if (this.#rung === null && msMax > 0 && !gone.aborted) await this.#wait(msMax, gone);
    const isNews = this.#rung === true && !gone.aborted;
    if (this.#rung === true) this.#rung = null;
    return isNews;
  }

  #wait(msMax: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        gone.removeEventListener("abort", end);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(end, msMax);
      gone.addEventListener("abort", end, { once: true });
      this.#wake = end;
    });
  }

  [Symbol.dispose](): void {
    this.#leave();
  }
}
