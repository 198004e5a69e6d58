import { commandBase, type Deps, type RequestContext } from "#inventory/context";
import type { Location } from "#inventory/model";
import type { AmendLocationOutcome, LocationAttributes } from "#inventory/location-ports";

export interface AmendLocationInput {
  readonly location: Location;
  readonly changes: Partial<LocationAttributes>;
  /** Version the location must still have; null when the caller does not care. */
  readonly expectedVersion: number | null;
}

/** Changes what the registry says of a location. What is inactive is never taken from. */
export async function amendLocation(
  deps: Deps,
  ctx: RequestContext,
  input: AmendLocationInput,
): Promise<AmendLocationOutcome> {
  return deps.store.amendLocation({ ...commandBase(ctx), ...input });
}
