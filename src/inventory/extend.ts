import type { Deps, RequestContext } from "#inventory/context";
import { completed, holdCommand, type HoldAnswer } from "#inventory/hold-answer";
import { Fault } from "#inventory/faults";
import { holdSeconds, holdSecondsMax } from "#inventory/hold-seconds";
import type { TooOften } from "#inventory/hold-ports";
import type { ReservationId } from "#inventory/model";

export interface ExtendInput {
  readonly reservationId: ReservationId;
  /** The hold shall live that long from now; it is never due sooner than it was. */
  readonly minutes: number;
}

/**
 * Moves the due time of a live hold, at most to the longest life after it was made: the answer tells
 * to when. Rejects with `validation_failed` above the longest life and for a standing hold, which
 * has no due time, and with `ledger_unavailable` when the hold is gone and the ledger cannot say how.
 */
export async function extend(
  deps: Deps,
  ctx: RequestContext,
  input: ExtendInput,
): Promise<HoldAnswer | TooOften> {
  const hold = holdCommand(ctx, input.reservationId);
  const seconds = holdSeconds(deps.policy, input.minutes, "minutes");
  const command = { holdSeconds: seconds, holdSecondsMax: holdSecondsMax(deps.policy) };
  const { extensionsMax } = deps.policy;
  const outcome = await deps.store.extend({ ...hold, ...command, extensionsMax });
  if (outcome.kind === "too_often") return outcome;
  if (outcome.kind === "standing") {
    const message = "cannot be given to a standing hold, which never ends by itself";
    const errors = [{ path: "minutes", message }];
    throw new Fault("validation_failed", `minutes ${message}`, { errors });
  }
  return completed(deps, ctx, input.reservationId, outcome);
}
