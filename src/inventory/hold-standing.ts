import type { Deps, RequestContext } from "#inventory/context";
import type { Location } from "#inventory/model";
import { standingScopeOf } from "#inventory/owner";
import type { ReserveOutcome } from "#inventory/ports";
import { reserve } from "#inventory/reserve";
import type { StandingInput } from "#inventory/standing";

export interface HoldStandingInput extends StandingInput {
  /**
   * Whether the units come to those that the owner holds already; a repeat without a key then adds
   * again. Else they take their place: the same quantity has one effect.
   */
  readonly adds: boolean;
  /** null, or left out: the product's active locations, home first. */
  readonly location?: Location | null;
}

/**
 * Holds units of a product until they are released or deducted, for an owner that is known by the
 * contract, the product and the order. The outcome is that of a reserve of one line: `reserved`,
 * `held`, `insufficient`, `unknown_product`, `key_reused`, and `already_confirmed` where a hold that
 * does not add had units deducted. Rejects with `role_required`, besides the store's Faults.
 */
export function holdStanding(
  deps: Deps,
  ctx: RequestContext,
  input: HoldStandingInput,
): Promise<ReserveOutcome> {
  const { contract, productId, orderId, quantity, location = null, adds } = input;
  return reserve(deps, ctx, {
    orderId,
    customerId: null,
    scope: standingScopeOf(contract, productId),
    lines: [{ productId, quantity, location }],
    expirationMinutes: null,
    standing: true,
    adds,
  });
}
