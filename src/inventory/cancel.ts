import type { Deps, RequestContext } from "#inventory/context";
import { completed, holdCommand, summedLines, type HoldAnswer } from "#inventory/hold-answer";
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
): Promise<HoldAnswer> {
  const hold = holdCommand(ctx, input.reservationId);
  const outcome = await deps.store.cancel({ ...hold, lines: summedLines(input.lines) });
  return completed(deps, ctx, input.reservationId, outcome);
}
