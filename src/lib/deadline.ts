import { steadyClock, type Clock } from "#lib/clock";

/** A moment by which an answer must be given. Absolute, so that it is passed on and never grows. */
export type Deadline = Readonly<{
  /** Milliseconds on `clock`. */
  at: number;
  clock: Clock;
}>;

/** The longest delay `setTimeout` keeps; a larger one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The deadline `ms` milliseconds from now; what is below zero counts as zero. */
export function deadlineAfter(ms: number, clock: Clock = steadyClock): Deadline {
  if (Number.isNaN(ms)) throw new RangeError("a deadline needs a number of milliseconds");
  return { at: clock.now() + Math.max(0, ms), clock };
}

/** Milliseconds left, never below zero. */
export function remaining(deadline: Deadline): number {
  return Math.max(0, deadline.at - deadline.clock.now());
}

/**
 * The result of `work`, or what `onLate` returns (or throws) when the deadline passes first. The
 * work itself goes on: what it does after that is the caller's to reckon with.
 */
export function withDeadline<Value, Late = never>(
  work: Promise<Value>,
  deadline: Deadline,
  onLate: () => Late,
): Promise<Value | Late> {
  return new Promise((resolve, reject) => {
    const late = () => {
      try {
        resolve(onLate());
      } catch (error) {
        reject(error);
      }
    };
    const timer = setTimeout(late, Math.min(remaining(deadline), TIMER_MS_MAX));
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
