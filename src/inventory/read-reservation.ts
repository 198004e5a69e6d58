import { customerScope, type Deps, type RequestContext } from "#inventory/context";
import { endedReservation } from "#inventory/ended-reservation";
import type { Reservation, ReservationId } from "#inventory/model";

/**
 * A reservation, or null: another customer's is as unknown as none. Rejects with
 * `ledger_unavailable` when Redis no longer has it and the ledger cannot say.
 */
export async function readReservation(
  deps: Deps,
  ctx: RequestContext,
  reservationId: ReservationId,
): Promise<Reservation | null> {
  const customerId = customerScope(ctx.caller);
  const live = await deps.store.reservation(reservationId, ctx.deadline);
  if (live === null) return endedReservation(deps, ctx.deadline, reservationId, customerId);
  return customerId === null || live.customerId === customerId ? live : null;
}
