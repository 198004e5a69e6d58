/** Wakes who waits, thousands of them with one timer. */

/** Nobody in a rush is in a greater hurry. */
const TICK_MS = 20;

export interface Alarm extends Disposable {
  /** Resolves so many milliseconds from now, or as soon as that is so. */
  after(ms: number, isSo?: () => boolean): Promise<void>;
  /** Resolves when the clock on the wall has come so far: it may be set meanwhile. */
  at(epochMs: number): Promise<void>;
}

interface Waiter {
  readonly isDue: () => boolean;
  readonly wake: () => void;
}

/** Where the signal ends it, everybody is woken. */
export function createAlarm(signal: AbortSignal): Alarm {
  let waiters = new Set<Waiter>();
  const timer = setInterval(() => {
    for (const waiter of waiters) {
      if (!signal.aborted && !waiter.isDue()) continue;
      waiters.delete(waiter);
      waiter.wake();
    }
  }, TICK_MS);
  const when = (isDue: () => boolean): Promise<void> =>
    new Promise((wake) => void waiters.add({ isDue, wake }));
  return {
    after: (ms, isSo = () => false) => {
      const at = performance.now() + ms;
      return when(() => performance.now() >= at || isSo());
    },
    at: (epochMs) => when(() => Date.now() >= epochMs),
    [Symbol.dispose]() {
      clearInterval(timer);
      waiters = new Set();
    },
  };
}
