import type { Deps, RequestContext } from "#inventory/context";
import {
  standingCommand,
  standingOutcome,
  type StandingInput,
  type StandingOutcome,
} from "#inventory/standing";

/**
 * Gives units of a contract's standing hold back: a partial cancel by quantity. The movements name
 * the order that the hold is of. Rejects with `role_required`, besides the store's Faults.
 */
export async function releaseStanding(
  deps: Deps,
  ctx: RequestContext,
  input: StandingInput,
): Promise<StandingOutcome> {
  const outcome = await deps.store.cancel(standingCommand(deps, ctx, input));
  return standingOutcome(deps, ctx, input, outcome);
}
