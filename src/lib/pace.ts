/** Work that leaves room for others: so many a second, whatever it could do. */
import { steadyClock, type Clock } from "#lib/clock";

export interface PaceOptions {
  readonly perSecond: number;
  /** So many at once after a time of rest: what is small never waits. */
  readonly burst: number;
  readonly clock?: Clock;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Resolves when that many may be done; who asked first goes first. */
export type Pace = (count: number) => Promise<void>;

export function createPace(options: PaceOptions): Pace {
  const { perSecond, burst, clock = steadyClock, sleep = Bun.sleep } = options;
  const burstMs = (burst * 1_000) / perSecond;
  let freeAt = -Infinity;
  return async (count) => {
    const now = clock.now();
    freeAt = Math.max(freeAt, now) + (count * 1_000) / perSecond;
    const wait = freeAt - burstMs - now;
    if (wait > 0) await sleep(wait);
  };
}
