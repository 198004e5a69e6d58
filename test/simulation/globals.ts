/**
 * Time and chance of the process that simulates: what the code under test asks the runtime for is
 * answered by the run at hand. Nothing of the product knows of it.
 */
import type { Scheduler } from "./scheduler.ts";

/**
 * When every run begins (epoch ms), by the clock of a machine that is right: a full hour, in which windows
 * of limits end, is a few seconds ahead.
 */
export const BEGINS_AT = 1_800_000_000_000 - 4_000;

/** Of timers and the clock; as it was before it was replaced. */
export const realImmediate = setImmediate;

let active: Scheduler | null = null;
let bytesAsked = 0;

/** Whose time passes from now on. */
export function setScheduler(scheduler: Scheduler): void {
  active = scheduler;
}

/** How often the system's generator was asked: `randomId` asks for many bytes at once. */
export const bytesAskedFor = (): number => bytesAsked;

function running(): Scheduler {
  if (!active) throw new Error("no run is at hand");
  return active;
}

type Work = (...args: unknown[]) => void;

/** What a timer of the runtime is to who made it. */
class Timer {
  readonly #start: () => { work: (() => void) | null };
  #event: { work: (() => void) | null };

  constructor(start: () => { work: (() => void) | null }) {
    this.#start = start;
    this.#event = start();
  }
  again(): void {
    this.#event = this.#start();
  }
  cancel(): void {
    this.#event.work = null;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

const cancel = (timer: unknown): void => {
  if (timer instanceof Timer) timer.cancel();
};

/** Replaces them for good: this process does nothing but simulate. */
export function takeOverGlobals(): void {
  const later = (work: Work, ms = 0, ...args: unknown[]): Timer => {
    const owner = running().current;
    return new Timer(() => running().after(ms, "timer", () => work(...args), owner));
  };
  const replaced = {
    setTimeout: later,
    clearTimeout: cancel,
    setInterval(work: Work, ms = 1, ...args: unknown[]): Timer {
      const owner = running().current;
      const timer: Timer = new Timer(() =>
        running().after(
          Math.max(1, ms),
          "interval",
          () => {
            timer.again();
            work(...args);
          },
          owner,
        ),
      );
      return timer;
    },
    clearInterval: cancel,
    setImmediate: (work: Work, ...args: unknown[]): Timer => later(work, 0, ...args),
    clearImmediate: cancel,
  };
  Object.assign(globalThis, replaced);
  Object.assign(Bun, {
    sleep: (ms: number) => new Promise<void>((resolve) => void later(() => resolve(), ms)),
  });
  Object.assign(Date, {
    now: () => {
      const { now, current } = running();
      return Math.floor(BEGINS_AT + now + (current?.clockAheadMs ?? 0));
    },
  });
  Object.defineProperty(performance, "now", { value: () => running().now });
  Object.defineProperty(performance, "timeOrigin", { value: BEGINS_AT });
  Object.assign(Math, { random: () => running().random.next() });
  Object.assign(crypto, {
    getRandomValues(bytes: Uint8Array): Uint8Array {
      bytesAsked += 1;
      const { random } = running();
      for (let i = 0; i < bytes.length; i += 1) bytes[i] = Math.floor(random.next() * 256);
      return bytes;
    },
  });
}
