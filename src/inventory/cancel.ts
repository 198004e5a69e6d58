import type { Deps, RequestContext } from "#inventory/context";
import { completed, holdCommand, summedLines, type CancelAnswer } from "#inventory/hold-answer";
import type { ReservationId } from "#inventory/model";
import type { LineQuantity } from "#inventory/ports";

export interface CancelInput {
  readonly reservationId: ReservationId;
  /** null: all that is held. */
  readonly lines: readonly LineQuantity[] | null;
}

/**
 * Gives back what is held, or a part of it.
 * Rejects with `ledger_unavailable` when the hold is gone and the ledger cannot say how.
 */
export async function cancel(
  deps: Deps,
  ctx: RequestContext,
  input: CancelInput,
): Promise<CancelAnswer> {
  const hold = holdCommand(ctx, input.reservationId);
  const outcome = await deps.store.cancel({ ...hold, lines: summedLines(input.lines) });
  if (outcome.kind === "exceeds_held") return outcome;
  return completed(deps, ctx, input.reservationId, outcome);
}
