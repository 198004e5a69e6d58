import type { Deps, RequestContext } from "#inventory/context";
import { completed, holdCommand, type HoldAnswer } from "#inventory/hold-answer";
import { Fault } from "#inventory/faults";
import { holdSeconds } from "#inventory/hold-seconds";
import type { ReservationId } from "#inventory/model";

export interface ExtendInput {
  readonly reservationId: ReservationId;
  /** The hold shall live that long from now; never sooner than it was due. */
  readonly minutes: number;
}

/**
 * Moves the due time of a live hold. Rejects with `validation_failed` above the longest life and for
 * a standing hold, which has no due time, and with `ledger_unavailable` when the hold is gone and
 * the ledger cannot say how.
 */
export async function extend(
  deps: Deps,
  ctx: RequestContext,
  input: ExtendInput,
): Promise<HoldAnswer> {
  const hold = holdCommand(ctx, input.reservationId);
  const seconds = holdSeconds(deps.policy, input.minutes, "minutes");
  const outcome = await deps.store.extend({ ...hold, holdSeconds: seconds });
  if (outcome.kind === "done" && outcome.reservation.expiresAt === null) {
    const message = "cannot be given to a standing hold, which never ends by itself";
    const errors = [{ path: "minutes", message }];
    throw new Fault("validation_failed", `minutes ${message}`, { errors });
  }
  return completed(deps, ctx, input.reservationId, outcome);
}
