/** Bodies, queries and answers of the routes about who waits for a product. */
import { z } from "zod";
import { Time, Units } from "#http/wire/answer-fields";
import { Reservation } from "#http/wire/answers";
import { Cursor, Minutes, pageLimit } from "#http/wire/fields";
import { reservationOf, timeOf } from "#http/wire/objects";
import { CustomerId, OrderId, Quantity, type ProductId } from "#inventory/model";
import type { InLine, NotInLine, Offered, Waiter } from "#inventory/waitlist-ports";

const PLACES = 50;
const PLACES_MAX = 100; // a batch takes as many at once

/** As a reserve of the product would name it. */
const WAITER = {
  orderId: OrderId,
  /** For services and admins only: the core refuses it from customers. */
  customerId: CustomerId.exactOptional(),
};

export const JoinBody = z.strictObject({
  quantity: Quantity,
  ...WAITER,
  expirationMinutes: Minutes.exactOptional(),
});
export const LeaveBody = z.strictObject(WAITER);

export const WaiterQuery = z.strictObject({
  orderId: OrderId.describe("The order that waits."),
  customerId: CustomerId.optional().describe(
    "For services and admins: the customer whose order it is.",
  ),
});
export const PlacesQuery = z.strictObject({
  cursor: Cursor.optional(),
  limit: pageLimit(PLACES, PLACES_MAX),
});

/** Where somebody stands; `offered`: it has a hold, which is its `reservation`. */
export const PlaceInLine = z
  .strictObject({
    productId: z.string(),
    status: z.enum(["waiting", "offered", "none"]),
    position: z.int().min(1).nullable(),
    /** How many wait for the product; null where nobody looked. */
    waiting: Units.nullable(),
    quantity: Units.nullable(),
    joinedAt: Time.nullable(),
    /** The hold that is offered, or will be. */
    reservationId: z.string().nullable(),
    reservation: Reservation.nullable(),
  })
  .meta({ id: "PlaceInLine" });
export type PlaceInLine = z.output<typeof PlaceInLine>;
export const Placed = z.strictObject({ message: z.string(), place: PlaceInLine });

const Place = z.strictObject({
  orderId: z.string().nullable(),
  customerId: z.string().nullable(),
  quantity: Units,
  joinedAt: Time,
  reservationId: z.string(),
});
export const Places = z.strictObject({
  waiting: Units,
  items: z.array(Place),
  nextCursor: z.string().nullable(),
});

export function placeOf(productId: ProductId, standing: InLine | NotInLine | Offered): PlaceInLine {
  const nothing = { position: null, quantity: null, joinedAt: null, reservationId: null };
  switch (standing.kind) {
    case "waiting": {
      const { position, waiting, waiter } = standing;
      const { quantity, reservationId } = waiter;
      const joinedAt = timeOf(waiter.joinedAt);
      const place = { position, waiting, quantity, joinedAt, reservationId, reservation: null };
      return { productId, status: "waiting", ...place };
    }
    case "offered": {
      const reservation = reservationOf(standing.reservation);
      const { reservationId, quantity } = reservation;
      const place = { ...nothing, waiting: null, quantity, reservationId, reservation };
      return { productId, status: "offered", ...place };
    }
    case "absent": {
      const { waiting } = standing;
      return { productId, status: "none", ...nothing, waiting, reservation: null };
    }
  }
}

export const waiterOf = (waiter: Waiter): z.output<typeof Place> => {
  const { orderId, customerId, quantity, joinedAt, reservationId } = waiter;
  return { orderId, customerId, quantity, joinedAt: timeOf(joinedAt), reservationId };
};
