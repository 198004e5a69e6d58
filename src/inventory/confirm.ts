import type { Deps, RequestContext } from "#inventory/context";
import { completed, holdCommand, summedLines, type HoldAnswer } from "#inventory/hold-answer";
import type { ReservationId } from "#inventory/model";
import type { LineQuantity } from "#inventory/ports";

export interface ConfirmInput {
  readonly reservationId: ReservationId;
  /** null: all that is held. */
  readonly lines: readonly LineQuantity[] | null;
}

/**
 * Turns what is held, or a part of it, into a sale. Never confirms what is past its due time.
 * Rejects with `ledger_unavailable` when the hold is gone and the ledger cannot say how.
 */
export async function confirm(
  deps: Deps,
  ctx: RequestContext,
  input: ConfirmInput,
): Promise<HoldAnswer> {
  const hold = holdCommand(ctx, input.reservationId);
  const outcome = await deps.store.confirm({ ...hold, lines: summedLines(input.lines) });
  return completed(deps, hold, outcome);
}
