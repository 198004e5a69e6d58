import type { Deps, RequestContext } from "#inventory/context";
import { standingReserved, type HoldStandingOutcome } from "#inventory/hold-standing";
import { reserve } from "#inventory/reserve";
import { standingHold, type StandingInput } from "#inventory/standing";

export type AddToStandingOutcome = Exclude<
  HoldStandingOutcome,
  { readonly kind: "already_confirmed" }
>;

/**
 * Holds so many units of a product beside those that the same owner holds already: a repeat without
 * an `Idempotency-Key` adds again. What is there of the product comes with the answer (`stockOf`).
 * Rejects with `role_required`, besides the store's Faults.
 */
export async function addToStanding(
  deps: Deps,
  ctx: RequestContext,
  input: StandingInput,
): Promise<AddToStandingOutcome> {
  const added = await reserve(deps, ctx, { ...standingHold(input), adds: true });
  const outcome = standingReserved(added);
  if (outcome.kind !== "already_confirmed") return outcome;
  throw new Error("adding to a standing hold was answered already_confirmed");
}
