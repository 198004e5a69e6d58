import { commandBase, type Deps, type RequestContext } from "#inventory/context";
import { DEFAULT_RULE, type Location } from "#inventory/model";
import type { LocationAttributes, RegisterLocationOutcome } from "#inventory/location-ports";

export interface RegisterLocationInput extends Partial<LocationAttributes> {
  readonly location: Location;
}

/** Registers a location; one that is there already is answered, not changed. */
export async function registerLocation(
  deps: Deps,
  ctx: RequestContext,
  input: RegisterLocationInput,
): Promise<RegisterLocationOutcome> {
  const unnamed = { name: null, address: null, ...DEFAULT_RULE };
  return deps.store.registerLocation({ ...unnamed, ...input, ...commandBase(ctx) });
}
