import type { Deps, RequestContext } from "#inventory/context";
import {
  standingCommand,
  standingOutcome,
  type StandingInput,
  type StandingOutcome,
} from "#inventory/standing";

/**
 * Sells units of a contract's standing hold: a partial confirm by quantity. The movements name the
 * order that the hold is of. Rejects with `role_required`, besides the store's Faults.
 */
export async function deductStanding(
  deps: Deps,
  ctx: RequestContext,
  input: StandingInput,
): Promise<StandingOutcome> {
  const outcome = await deps.store.confirm(standingCommand(deps, ctx, input));
  return standingOutcome(deps, ctx, input, outcome);
}
