/** What confirm, cancel, extend and reassign have in common: whose hold it is, and how ended ones answer. */
import {
  commandBase,
  customerScope,
  type Deps,
  type Grounds,
  type RequestContext,
} from "#inventory/context";
import { endedReservation } from "#inventory/ended-reservation";
import type { Reservation, ReservationId } from "#inventory/model";
import type {
  AboveQuota,
  ExceedsHeld,
  HoldCommand,
  HoldOutcome,
  Insufficient,
  LineQuantity,
} from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";

/** What all may answer: as the store does, but how one ended that was not cancelled is a word of its own. */
export type HoldAnswer =
  | Exclude<HoldOutcome, { readonly kind: "superseded" }>
  | { readonly kind: "replaced" | "reassigned"; readonly reservation: Reservation };
export type CancelAnswer = HoldAnswer | ExceedsHeld;
export type ConfirmAnswer = CancelAnswer | Insufficient | AboveQuota;

/** The part of the command that they share. */
export function holdCommand(
  ctx: RequestContext,
  reservationId: ReservationId,
  grounds: Grounds = {},
): HoldCommand {
  const hold = splitReservationId(reservationId);
  return { ...commandBase(ctx, grounds), hold, customerId: customerScope(ctx.caller) };
}

/** The store's answer, completed from the ledger where the store no longer has the hold. */
export async function completed(
  deps: Deps,
  ctx: RequestContext,
  reservationId: ReservationId,
  outcome: HoldOutcome,
): Promise<HoldAnswer> {
  switch (outcome.kind) {
    case "unknown_reservation":
    case "superseded": {
      const customerId = customerScope(ctx.caller);
      const ended = await endedReservation(deps, ctx.deadline, reservationId, customerId);
      return ended === null ? { kind: "unknown_reservation" } : answerOf(ended);
    }
    case "cancelled":
      return answerOf(outcome.reservation);
    case "done":
    case "confirmed":
    case "expired":
    case "key_reused":
      return outcome;
  }
}

/** Lines of a part of a hold; a product named twice counts once, with the sum. */
export function summedLines(lines: readonly LineQuantity[] | null): readonly LineQuantity[] | null {
  if (lines === null) return null;
  const sums = new Map<LineQuantity["productId"], number>();
  for (const { productId, quantity } of lines) {
    sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  }
  return Array.from(sums, ([productId, quantity]) => ({ productId, quantity }));
}

function answerOf(reservation: Reservation): HoldAnswer {
  switch (reservation.status) {
    case "CONFIRMED":
      return { kind: "confirmed", reservation };
    case "CANCELLED":
      return { kind: wordOf(reservation), reservation };
    case "EXPIRED":
      return { kind: "expired", reservation };
    case "ACTIVE":
      throw new Error("a live reservation was taken for one that ended");
  }
}

function wordOf({ endReason }: Reservation): "replaced" | "reassigned" | "cancelled" {
  return endReason === "replaced" || endReason === "reassigned" ? endReason : "cancelled";
}
