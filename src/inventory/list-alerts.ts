import type { Deps, ReadContext } from "#inventory/context";
import type { Alert, AlertQuery } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface AlertList {
  /** Newest first. */
  readonly alerts: readonly (Alert & { readonly open: boolean })[];
  /** Movements that the ledger lacked when it was asked. */
  readonly lag: number;
}

/** Alerts up to the moment of asking, unless the lag says less. */
export async function listAlerts(
  deps: Pick<Deps, "store" | "clock" | "events">,
  ctx: ReadContext,
  query: AlertQuery,
): Promise<AlertList> {
  const lag = await waitForLedger(deps, ctx.deadline);
  return { alerts: await deps.events.alerts(query, ctx.deadline), lag };
}
