import type { Deps, RequestContext } from "#inventory/context";
import type { Reservation } from "#inventory/model";
import type { Page, ReservationQuery } from "#inventory/ports";
import { customerOf } from "#inventory/reserve";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface ReservationList {
  readonly page: Page<Reservation>;
  /** Movements the ledger lacked when it was asked. */
  readonly lag: number;
}

/**
 * A page of reservations; customers see their own and may not name another.
 * Rejects with `role_required` when a customer names one.
 */
export async function listReservations(
  deps: Deps,
  ctx: RequestContext,
  query: ReservationQuery,
): Promise<ReservationList> {
  const customerId = customerOf(ctx.caller, query.customerId);
  const lag = await waitForLedger(deps, ctx.deadline);
  const page = await deps.ledger.reservations({ ...query, customerId }, ctx.deadline);
  return { page, lag };
}
