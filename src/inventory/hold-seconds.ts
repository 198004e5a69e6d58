import type { Policy } from "#inventory/context";
import { Fault } from "#inventory/faults";

const SECONDS_PER_MINUTE = 60;

/** Life of a hold in seconds. `field` is the name under which the caller gave the minutes. */
export function holdSeconds(policy: Policy, minutes: number, field: string): number {
  if (minutes > policy.reservationMinutesMax) {
    const message = `must be at most ${policy.reservationMinutesMax}`;
    throw new Fault("validation_failed", `${field} ${message}`, {
      errors: [{ path: field, message }],
    });
  }
  return minutes * SECONDS_PER_MINUTE;
}

/** The longest life of a hold in seconds, from when it was made. */
export const holdSecondsMax = (policy: Policy): number =>
  policy.reservationMinutesMax * SECONDS_PER_MINUTE;
