/** Where time comes from. It is passed in, so that a test can say what time it is. */
export type Clock = Readonly<{
  /** Milliseconds; from which zero is the clock's own affair. */
  now(): number;
}>;

/** Milliseconds since 1970 UTC. For what people read; it may jump when the machine's clock is set. */
export const systemClock: Clock = { now: () => Date.now() };

/** Milliseconds since the process started. Never goes back: for deadlines and durations. */
export const steadyClock: Clock = { now: () => performance.now() };

/**
 * Milliseconds since 1970 UTC as they were at the start of the process, going on steadily: for
 * deadlines that are also shown to people. It does not follow when the machine's clock is set.
 */
export const processClock: Clock = { now: () => performance.timeOrigin + performance.now() };
