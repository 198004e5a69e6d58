/** A constant rate of whole requests a second, in groups of a millisecond: timers are no finer. */

/** How many are due so many milliseconds after the start. */
export const dueBy = (ms: number, perSecond: number): number =>
  Math.floor((Math.floor(ms) * perSecond) / 1_000);

/** Milliseconds after the start at which the one with that number (from 0) is due. */
export const dueAt = (number: number, perSecond: number): number =>
  Math.ceil(((number + 1) * 1_000) / perSecond);
