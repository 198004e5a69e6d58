import type { Deps, OnExpired, RequestContext } from "#inventory/context";
import { completed, holdCommand, summedLines, type ConfirmAnswer } from "#inventory/hold-answer";
import type { ReservationId } from "#inventory/model";
import type { LineQuantity } from "#inventory/ports";

export interface ConfirmInput {
  readonly reservationId: ReservationId;
  /** null: all that is held. */
  readonly lines: readonly LineQuantity[] | null;
  /** null: as configured. */
  readonly onExpired: OnExpired | null;
}

/**
 * Turns what is held, or a part of it, into a sale. What is past its due time is never confirmed:
 * with `reacquire` it becomes a sale of its own, under an id of its own, as long as Redis knows the
 * hold. Rejects with `ledger_unavailable` when the hold is gone and the ledger cannot say how.
 */
export async function confirm(
  deps: Deps,
  ctx: RequestContext,
  input: ConfirmInput,
): Promise<ConfirmAnswer> {
  const { reservationId } = input;
  const mayReacquire = (input.onExpired ?? deps.policy.onExpired) === "reacquire";
  // The movements of a sale after expiry refer to the hold that it came from.
  const hold = holdCommand(ctx, reservationId, mayReacquire ? { reference: reservationId } : {});
  const outcome = await deps.store.confirm({
    ...hold,
    lines: summedLines(input.lines),
    ...(mayReacquire ? { reacquireAs: deps.newGeneration() } : {}),
  });
  if (outcome.kind === "exceeds_held") return outcome;
  if (outcome.kind === "insufficient" || outcome.kind === "above_quota") return outcome;
  return completed(deps, ctx, reservationId, outcome);
}
