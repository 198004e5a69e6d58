import type { Deps, RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { completed, holdCommand, type HoldAnswer } from "#inventory/hold-answer";
import { holdSecondsMax } from "#inventory/hold-seconds";
import type { CustomerId, OrderId, ReservationId } from "#inventory/model";
import { ownerAfter } from "#inventory/owner";
import type { ReassignRefusal } from "#inventory/ports";

export interface ReassignInput {
  readonly reservationId: ReservationId;
  /** Whose it shall be; null: whose it was. One of the two is given. */
  readonly customerId: CustomerId | null;
  readonly orderId: OrderId | null;
}

/** `done` with the hold that the new owner has. */
export type ReassignAnswer = HoldAnswer | ReassignRefusal;

/** Of both movements of a line: the reference is the hold that the units come from. */
const REASON = "reassigned";

/**
 * Gives a live hold another owner: its units are in a hold of that owner, or in the live one that it has,
 * and at no moment anybody else's. For services and admins: rejects with `role_required` for customers,
 * and with `ledger_unavailable` when the hold is gone and the ledger cannot say how.
 */
export async function reassign(
  deps: Deps,
  ctx: RequestContext,
  { reservationId, ...to }: ReassignInput,
): Promise<ReassignAnswer> {
  if (ctx.caller.role === "customer") {
    throw new Fault("role_required", "whose a hold is, services and admins say");
  }
  // Whose it is and what it is on never changes: what is read here is true whenever the script runs.
  const hold = await deps.store.reservation(reservationId, ctx.deadline);
  const outcome = await deps.store.reassign({
    ...holdCommand(ctx, reservationId, { reason: REASON, reference: reservationId }),
    to: { ...to, owner: hold && ownerAfter(hold, to) },
    generation: deps.newGeneration(),
    holdSecondsMax: holdSecondsMax(deps.policy),
  });
  switch (outcome.kind) {
    case "standing":
    case "already_confirmed":
    case "above_hold_limit":
      return outcome;
    case "done":
    case "confirmed":
    case "cancelled":
    case "expired":
    case "superseded":
    case "unknown_reservation":
    case "key_reused":
      return completed(deps, ctx, reservationId, outcome);
  }
}
