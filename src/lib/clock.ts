/** Where time comes from. It is passed in, so that a test can say what time it is. */
export type Clock = Readonly<{
  /** Milliseconds; from which zero is the clock's own affair. */
  now(): number;
}>;

/** Milliseconds since 1970 UTC. For what people read; it may jump when the machine's clock is set. */
export const systemClock: Clock = { now: () => Date.now() };

/** Milliseconds since the process started. Never goes back: for deadlines and durations. */
export const steadyClock: Clock = { now: () => performance.now() };
