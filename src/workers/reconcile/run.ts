/** One comparison of Redis and the ledger, under whatever traffic there is. */
import { Fault } from "#inventory/faults";
import type { ReconcileReport, ReconcileScope } from "#inventory/reconcile-ports";
import type { ReconcileLedger, ReconcileStock } from "#inventory/reconcile-sides";
import type { Clock } from "#lib/clock";
import { checkChains, type WalkChain } from "#workers/reconcile/chain";
import { checkClaims } from "#workers/reconcile/claims";
import { follower, STAGES, type Comparison, type MendNotes } from "#workers/reconcile/comparison";
import { checkEndedHolds } from "#workers/reconcile/ended-holds";
import { Findings } from "#workers/reconcile/findings";
import { checkHistory } from "#workers/reconcile/history";
import { checkStoredHolds } from "#workers/reconcile/holds";
import { checkLiveHolds } from "#workers/reconcile/live-holds";
import { checkNamedLimits } from "#workers/reconcile/named-limits";
import { checkRecords } from "#workers/reconcile/records";
import { checkRegistry } from "#workers/reconcile/registry";
import { checkProducts } from "#workers/reconcile/products";
import { checkWaitlist } from "#workers/reconcile/waitlist";
import { checkReceipts } from "#workers/reconcile/receipts";

export interface ReconcileOptions {
  readonly stock: ReconcileStock;
  readonly ledger: ReconcileLedger;
  readonly clock: Clock;
  readonly scope: ReconcileScope;
  readonly mend?: Comparison["mend"];
  readonly notes?: MendNotes;
  /** Absent: who asks looks at the chain itself. */
  readonly chain?: WalkChain;
  /** Of a run that begins anew: it has what was mended before. */
  readonly findings?: Findings;
  /** Told with each step, 0 … 100; rejects when the run shall end. */
  readonly onProgress: (percent: number) => Promise<void> | void;
}

/**
 * Compares, and rejects with a Fault when it cannot: a fenced partition, a server that is away, a
 * ledger that does not follow.
 */
export async function reconcile(options: ReconcileOptions): Promise<ReconcileReport> {
  const { stock, ledger, clock, scope, onProgress } = options;
  const partitions = partitionsOf(stock, scope);
  const follow = follower(ledger, clock);
  for (const partition of partitions) {
    // All that had happened by now is compared.
    await follow(partition, await mustNotBeBehind(stock, ledger, partition));
  }
  const { findings = new Findings() } = options;
  const quarantine = await ledger.quarantine();
  findings.quarantine = quarantine;
  let percent = 0;
  const run: Comparison = {
    stock,
    ledger,
    clock,
    scope,
    partitions,
    findings,
    mend: options.mend ?? null,
    notes: options.notes ?? null,
    quarantine,
    contested: new Set(quarantine.map(({ partition }) => partition)),
    broken: new Set(),
    follow,
    advance: async (stage, share) => {
      percent = Math.floor(((STAGES.indexOf(stage) + share) / STAGES.length) * 100);
      await onProgress(percent);
    },
    goOn: async () => onProgress(percent),
  };
  const doubtful = await checkHistory(run);
  await checkProducts(run, doubtful);
  await checkClaims(run);
  await checkRegistry(run);
  await checkRecords(run);
  await checkWaitlist(run);
  await checkNamedLimits(run, doubtful);
  await checkStoredHolds(run, doubtful);
  await checkLiveHolds(run, doubtful);
  await checkEndedHolds(run, doubtful);
  await checkReceipts(run);
  if (options.chain !== undefined) await checkChains(run, options.chain);
  await onProgress(100);
  return findings.report();
}

function partitionsOf(stock: ReconcileStock, scope: ReconcileScope): number[] {
  const all = Array.from({ length: stock.partitions }, (_, number) => number);
  if (scope.kind === "all") return all;
  if (scope.kind === "products") {
    return [...new Set(scope.productIds.map((id) => stock.partitionOf(id)))];
  }
  if (scope.partition < stock.partitions) return [scope.partition];
  const message = `there is no partition ${scope.partition}`;
  const errors = [{ path: "partition", message: `must be below ${stock.partitions}` }];
  throw new Fault("validation_failed", message, { errors });
}

/** Answers the seq of Redis. The cursor first: whatever Redis says after it is at least that. */
export async function mustNotBeBehind(
  stock: ReconcileStock,
  ledger: ReconcileLedger,
  partition: number,
): Promise<number> {
  const cursor = await ledger.cursor(partition);
  const { seq } = await stock.moment(partition);
  if (seq >= cursor) return seq;
  const message = `Redis lacks what the ledger has of partition ${partition}: ${cursor - seq} movements`;
  throw new Fault("partition_fenced", message);
}
