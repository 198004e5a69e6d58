/** Standing holds that a contract knows by product and order: what their verbs share. */
import { commandBase, type Deps, type RequestContext } from "#inventory/context";
import type { OrderId, ProductId } from "#inventory/model";
import { standingOwnerOf, standingScopeOf } from "#inventory/owner";
import type { ConfirmOutcome, EndCommand, ExceedsHeld, HoldDone, Stock } from "#inventory/ports";
import { requireStanding, type ReserveInput } from "#inventory/reserve";

export interface StandingInput {
  /** The contract that keeps the hold, a word without a space: no other one ever meets it. */
  readonly contract: string;
  readonly productId: ProductId;
  /** null: the hold is the product's own. */
  readonly orderId: OrderId | null;
  readonly quantity: number;
}

export type StandingOutcome =
  /** The hold and its product as this, or an earlier copy of it, left them. */
  | (HoldDone & { readonly stock: Stock })
  /** More than the hold has, of which nothing was changed; 0: there is no live hold. */
  | ExceedsHeld
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

/** Such a hold as a reserve of one line, of the product's active locations, home first. */
export function standingHold(input: StandingInput): ReserveInput {
  const { contract, productId, orderId, quantity } = input;
  return {
    orderId,
    customerId: null,
    scope: standingScopeOf(contract, productId),
    lines: [{ productId, quantity, location: null }],
    expirationMinutes: null,
    standing: true,
  };
}

/**
 * The command that ends units of the owner's live hold, whatever its id. Rejects with
 * `role_required` for customers.
 */
export function standingCommand(
  deps: Deps,
  ctx: RequestContext,
  { contract, productId, orderId, quantity }: StandingInput,
): EndCommand {
  requireStanding(ctx.caller);
  const partition = deps.store.partitionOf(productId);
  const owner = standingOwnerOf(contract, productId, orderId);
  return {
    ...commandBase(ctx),
    hold: { partition, owner, generation: null },
    customerId: null,
    lines: [{ productId, quantity }],
  };
}

/** The store's answer; that of an owner without a live hold, which is nobody or has nothing. */
export async function standingOutcome(
  deps: Deps,
  ctx: RequestContext,
  { productId }: StandingInput,
  outcome: ConfirmOutcome,
): Promise<StandingOutcome> {
  switch (outcome.kind) {
    case "done":
      return { ...outcome, stock: stockOf(outcome) };
    case "exceeds_held":
    case "key_reused":
      return outcome;
    case "unknown_reservation": {
      const product = await deps.store.product(productId, ctx.deadline);
      if (product === null) return { kind: "unknown_product" };
      return { kind: "exceeds_held", productId, held: 0 };
    }
    case "confirmed":
    case "cancelled":
    case "expired":
    case "superseded":
    case "insufficient":
    case "above_quota":
      throw new Error(`whichever hold is live was answered ${outcome.kind}`);
  }
}

/** What every answer says that is about a hold which its caller knows by product. */
export function stockOf({ stock }: { readonly stock?: Stock }): Stock {
  if (stock === undefined) throw new Error("an answer about a standing hold lacks its product");
  return stock;
}
