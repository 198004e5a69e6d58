import type { Deps, ReadContext } from "#inventory/context";
import type { KnownLocation } from "#inventory/location-ports";
import { rowsBefore, type NumberedPage } from "#inventory/numbered-page";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface KnownLocationList {
  readonly locations: readonly KnownLocation[];
  /** Locations that pass the filter, on whatever page. */
  readonly total: number;
  /** Movements the ledger lacked when it was asked. */
  readonly lag: number;
}

/**
 * A numbered page of the locations that are registered or have products, which the ledger alone
 * knows: highest priority first, then by name. A page beyond the end is empty.
 */
export async function listKnownLocations(
  deps: Deps,
  ctx: ReadContext,
  query: NumberedPage & { readonly active: boolean | null },
): Promise<KnownLocationList> {
  const rows = { before: rowsBefore(query), limit: query.limit };
  const lag = await waitForLedger(deps, ctx.deadline);
  const { items, total } = await deps.ledger.knownLocations(query.active, rows, ctx.deadline);
  return { locations: items, total, lag };
}
