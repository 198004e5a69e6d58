/** Whose hold it is that an answer of contract A shows: its id says so, whatever made it. */
import { ReservationId } from "#inventory/model";
import { CustomerId, OrderId, ProductId } from "#inventory/model";
import { ownerOf, standingOwnerOf } from "#inventory/owner";
import { splitReservationId } from "#inventory/reservation-id";

/** What a hold on one product is known by. */
export interface HoldOwner {
  /** The contract that keeps it without an id (`eureka`, `nestjs`); null: reserve of contract A. */
  readonly contract: string | null;
  readonly productId: string;
  /** null: the product's own. */
  readonly orderId: string | null;
  readonly customerId: string | null;
}

/** Tells the owner's holds from all others. */
export function isHoldOf({ contract, ...names }: HoldOwner): (reservationId: string) => boolean {
  const productId = ProductId.parse(names.productId);
  const orderId = OrderId.nullable().parse(names.orderId);
  const customerId = CustomerId.nullable().parse(names.customerId);
  const owner =
    contract === null
      ? ownerOf(customerId, orderId, productId)
      : standingOwnerOf(contract, productId, orderId);
  return (reservationId) => splitReservationId(ReservationId.parse(reservationId)).owner === owner;
}
