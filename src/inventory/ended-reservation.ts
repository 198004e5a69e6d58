/** Where holds that Redis no longer has are looked up, so that nobody is told a false "unknown". */
import type { Deps } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { CustomerId, Reservation, ReservationId } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { waitForLedger } from "#inventory/wait-for-ledger";

/**
 * How a reservation ended, by the ledger; null when there never was one, or when it is another
 * customer's. Rejects with `ledger_unavailable` while the ledger cannot know.
 */
export async function endedReservation(
  deps: Deps,
  deadline: number,
  reservationId: ReservationId,
  customerId: CustomerId | null,
): Promise<Reservation | null> {
  const { partition } = splitReservationId(reservationId);
  if (partition >= deps.store.partitions) return null;
  const lag = await waitForLedger(deps, deadline, partition);
  const reservation = await deps.ledger.reservation(reservationId, deadline);
  // Whose it is never changes either: another's is as unknown while it lives as it is later.
  if (customerId !== null && reservation !== null && reservation.customerId !== customerId) {
    return null;
  }
  // What has ended never changes again, so that such a row is good however late the ledger is.
  if (reservation === null || reservation.status === "ACTIVE") {
    if (lag === 0 && reservation === null) return null;
    throw new Fault("ledger_unavailable", "how this reservation ended is not known yet");
  }
  return reservation;
}
