/** What a comparison found and left is an alert of drift, until another one does not find it any more. */
import type { AlertDesk, EventLedger } from "#inventory/event-ports";
import { ProductId } from "#inventory/model";
import type { ReconcileReport, ReconcileRun, ReconcileScope } from "#inventory/reconcile-ports";
import type { Clock } from "#lib/clock";
import type { Log } from "#lib/log";

/** Alerts of one run; the run itself has all that it kept. */
const DRIFT_MAX = 100;
/** Alerts that one run ends; the next one ends more. */
const ENDED_MAX = 1_000;
const ANSWER_MS_MAX = 5_000;

export interface DriftOptions {
  readonly alertDesk: AlertDesk;
  readonly events: Pick<EventLedger, "alerts">;
  /** The clock that the deadlines of the ledger are on. */
  readonly clock: Clock;
  readonly log: Log;
}

type Run = Pick<ReconcileRun, "id" | "scope">;
interface Place {
  readonly partition: number;
  readonly productId: ProductId | null;
}

/** One alert for each product, and one of each partition for what is of none. Never fails. */
export async function tellDrift(
  options: DriftOptions,
  run: Run,
  report: ReconcileReport,
): Promise<void> {
  const left = leftOf(report);
  try {
    for (const { detail, ...place } of [...left.values()].slice(0, DRIFT_MAX)) {
      const told = `${detail} (run ${run.id})`;
      await options.alertDesk.raise({ ...place, kind: "drift", units: null, detail: told });
    }
    if (isWhole(report)) await endOthers(options, run, left);
  } catch (error) {
    options.log.error("drift was not raised as an alert", { id: run.id, error });
  }
}

/** Of each the first; what was mended needs nobody. */
function leftOf({ differences }: ReconcileReport) {
  const left = new Map<string, Place & { readonly detail: string }>();
  for (const { partition, kind, cause, repaired, ...found } of differences) {
    const productId = ProductId.safeParse(found.productId).data ?? null;
    const place = { partition, productId };
    if (repaired || left.has(nameOf(place))) continue;
    left.set(nameOf(place), { ...place, detail: `${kind}: ${cause}` });
  }
  return left;
}

const nameOf = ({ partition, productId }: Place): string => `${partition}\t${productId ?? ""}`;

/** Of what was not named, or could not be judged, nobody can say that it is over. */
const isWhole = ({ differences, differenceCount, quarantined }: ReconcileReport): boolean =>
  differences.length === differenceCount && quarantined === 0;

async function endOthers(
  { alertDesk, events, clock }: DriftOptions,
  { id, scope }: Run,
  left: ReadonlyMap<string, Place>,
): Promise<void> {
  const drift = { kind: "drift", productId: null, open: true } as const;
  const query = { ...drift, cursor: null, limit: ENDED_MAX };
  const { items } = await events.alerts(query, clock.now() + ANSWER_MS_MAX);
  for (const alert of items) {
    if (left.has(nameOf(alert)) || !wasCompared(scope, alert)) continue;
    const { partition, productId } = alert;
    const detail = `run ${id} finds it no more`;
    await alertDesk.raise({ partition, productId, kind: "drift_over", units: null, detail });
  }
}

function wasCompared(scope: ReconcileScope, { partition, productId }: Place): boolean {
  if (scope.kind === "all") return true;
  if (scope.kind === "partition") return scope.partition === partition;
  return productId !== null && scope.productIds.includes(productId);
}
