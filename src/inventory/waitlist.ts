/** The waitlist of a product: who joins, leaves or asks is the owner that a reserve of it would name. */
import {
  commandBase,
  type Deps,
  type Grounds,
  type ReadContext,
  type RequestContext,
} from "#inventory/context";
import { holdSeconds } from "#inventory/hold-seconds";
import type { CustomerId, OrderId, ProductId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { customerOf } from "#inventory/reserve";
import type {
  JoinOutcome,
  LeaveOutcome,
  LinePage,
  PlaceOutcome,
  WaitingOwner,
} from "#inventory/waitlist-ports";

export interface WaiterInput {
  readonly productId: ProductId;
  readonly orderId: OrderId;
  /** Whom a service or an admin acts for; customers act for themselves and name nobody. */
  readonly customerId: CustomerId | null;
}
export interface JoinInput extends WaiterInput {
  readonly quantity: number;
  /** Of the hold, from when it is offered; null: as configured. */
  readonly expirationMinutes: number | null;
}

/** What every change of the line refers to, so that `reference=` finds its history. */
export const waitingReference = (productId: ProductId): string => `waiting:${productId}`;

/**
 * Puts the caller at the end of the line, or answers its place; asking for another quantity keeps it.
 * Rejects with `role_required` and `validation_failed`, besides the store's Faults.
 */
export async function joinWaitlist(
  deps: Deps,
  ctx: RequestContext,
  input: JoinInput,
): Promise<JoinOutcome> {
  const { owner, customerId } = whose(ctx, input);
  const minutes = input.expirationMinutes ?? deps.policy.reservationMinutes;
  return await deps.waitlist.join({
    ...commandBase(ctx, { ...groundsOf(input, "joined"), orderId: input.orderId, customerId }),
    productId: input.productId,
    owner,
    generation: deps.newGeneration(),
    customerId,
    orderId: input.orderId,
    quantity: input.quantity,
    holdSeconds: holdSeconds(deps.policy, minutes, "expirationMinutes"),
  });
}

/** Takes the caller out of the line; what it was offered stays. Rejects as `joinWaitlist` does. */
export async function leaveWaitlist(
  deps: Deps,
  ctx: RequestContext,
  input: WaiterInput,
): Promise<LeaveOutcome> {
  const { owner, customerId } = whose(ctx, input);
  const { productId, orderId } = input;
  const base = commandBase(ctx, { ...groundsOf(input, "left"), orderId, customerId });
  return await deps.waitlist.leave({ ...base, productId, owner });
}

/** Where the caller stands, or what it was offered. Rejects as `joinWaitlist` does. */
export async function placeInWaitlist(
  deps: Deps,
  ctx: RequestContext,
  input: WaiterInput,
): Promise<PlaceOutcome> {
  const { owner } = whose(ctx, input);
  return await deps.waitlist.place({ productId: input.productId, owner }, ctx.deadline);
}

/** Who waits, first in line first, from behind that seq; null: there is no such product. */
export function listWaitlist(
  deps: Deps,
  ctx: ReadContext,
  of: { readonly productId: ProductId; readonly after: number; readonly limit: number },
): Promise<LinePage | null> {
  return deps.waitlist.line(of, ctx.deadline);
}

function whose(
  { caller }: RequestContext,
  { productId, orderId, customerId: named }: WaiterInput,
): WaitingOwner & { readonly customerId: CustomerId | null } {
  const customerId = customerOf(caller, named);
  return { productId, owner: ownerOf(customerId, orderId, productId), customerId };
}

const groundsOf = ({ productId }: WaiterInput, reason: string): Grounds => {
  return { reason, reference: waitingReference(productId) };
};
