import type { Deps, RequestContext } from "#inventory/context";
import type { ReserveOutcome } from "#inventory/ports";
import { reserve } from "#inventory/reserve";
import { standingHold, type StandingInput } from "#inventory/standing";

/** It is nobody's, so no limit is over it, and it names no campaign. */
export type HoldStandingOutcome = Exclude<
  ReserveOutcome,
  { readonly kind: "possible" | "above_quota" | "campaign_refused" }
>;

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
  return standingReserved(await reserve(deps, ctx, standingHold(input)));
}

/** What a reserve answers of a standing hold; anything else is a bug. */
export function standingReserved(outcome: ReserveOutcome): HoldStandingOutcome {
  switch (outcome.kind) {
    case "possible":
    case "above_quota":
    case "campaign_refused":
      throw new Error(`a standing hold was answered ${outcome.kind}`);
    case "reserved":
    case "held":
    case "already_confirmed":
    case "insufficient":
    case "unknown_product":
    case "key_reused":
      return outcome;
  }
}
