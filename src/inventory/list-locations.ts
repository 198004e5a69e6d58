import type { Deps, ReadContext } from "#inventory/context";
import type { RegisteredLocation } from "#inventory/model";

/** Every registered location in the order in which units are taken: highest priority first, then by id. */
export async function listLocations(
  deps: Deps,
  ctx: ReadContext,
): Promise<readonly RegisteredLocation[]> {
  const locations = await deps.store.locations(ctx.deadline);
  return locations.toSorted(
    (a, b) => b.priority - a.priority || (a.location < b.location ? -1 : 1),
  );
}
