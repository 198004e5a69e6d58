import type { Deps, RequestContext } from "#inventory/context";
import type { ReserveOutcome } from "#inventory/ports";
import { reserve } from "#inventory/reserve";
import { standingHold, type StandingInput } from "#inventory/standing";

export type HoldStandingOutcome = Exclude<ReserveOutcome, { readonly kind: "possible" }>;

/**
 * Holds so many units of a product until they are released or deducted, for an owner that is known
 * by the contract, the product and the order. They take the place of what the owner holds: the same
 * quantity has one effect. `already_confirmed` where units were deducted from that hold. Rejects
 * with `role_required`, besides the store's Faults.
 */
export async function holdStanding(
  deps: Deps,
  ctx: RequestContext,
  input: StandingInput,
): Promise<HoldStandingOutcome> {
  const outcome = await reserve(deps, ctx, standingHold(input));
  if (outcome.kind === "possible") throw new Error("a hold was answered as a dry run");
  return outcome;
}
