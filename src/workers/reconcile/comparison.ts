/** What every part of a comparison works with. */
import { Fault } from "#inventory/faults";
import type { ReconcileScope } from "#inventory/reconcile-ports";
import type { Repair } from "#inventory/reconcile-repairs";
import type {
  QuarantinedMovement,
  ReconcileLedger,
  ReconcileStock,
} from "#inventory/reconcile-sides";
import type { Clock } from "#lib/clock";
import type { Findings, Found } from "#workers/reconcile/findings";

/** A drain that is well is some milliseconds behind; with this it had time to come back. */
const FOLLOW_MS_MAX = 30_000;
const POLL_MS_FIRST = 5;
const POLL_MS_MAX = 100;

/** Looks at what differs before it counts: each is of one moment, and traffic goes on between them. */
export const LOOKS_MAX = 4;

export interface Comparison {
  readonly stock: ReconcileStock;
  readonly ledger: ReconcileLedger;
  readonly clock: Clock;
  readonly scope: ReconcileScope;
  readonly partitions: readonly number[];
  readonly findings: Findings;
  /** null: nothing is mended. */
  readonly mend: Mend | null;
  readonly quarantine: readonly QuarantinedMovement[];
  /** Resolves when the ledger has that movement. */
  readonly follow: (partition: number, seq: number) => Promise<void>;
  /** So much of a stage is done, 0 … 1; rejects when the run shall end. */
  readonly advance: (stage: Stage, share: number) => Promise<void>;
}

export const STAGES = ["history", "products", "holds", "live holds"] as const;
export type Stage = (typeof STAGES)[number];

/** Mends one difference; false: it is not as it was found any more, or cannot be mended. */
export type Mend = (repair: Repair) => Promise<boolean>;

/** A difference, and what would mend it; null: nothing does. */
export interface Mendable {
  readonly found: Found;
  readonly repair: Repair | null;
}

/** Notes a difference, mended first where that is asked for. */
export async function settle(run: Comparison, { found, repair }: Mendable): Promise<void> {
  if (!run.findings.isNew(found)) return;
  const repaired = run.mend !== null && repair !== null && (await run.mend(repair));
  run.findings.add(found, repaired);
}

export function isAskedFor({ scope }: Pick<Comparison, "scope">, productId: string): boolean {
  return scope.kind !== "products" || scope.productIds.some((id) => id === productId);
}

/** Waits for the ledger's cursors. */
export function follower(ledger: ReconcileLedger, clock: Clock): Comparison["follow"] {
  const known = new Map<number, number>();
  return async (partition, seq) => {
    const giveUpAt = clock.now() + FOLLOW_MS_MAX;
    for (let pause = POLL_MS_FIRST; ; pause = Math.min(2 * pause, POLL_MS_MAX)) {
      const at = known.get(partition) ?? 0;
      if (at >= seq) return;
      const cursor = await ledger.cursor(partition);
      known.set(partition, cursor);
      if (cursor >= seq) return;
      if (clock.now() >= giveUpAt) {
        const behind = `the ledger of partition ${partition} is ${seq - cursor} movements behind`;
        throw new Fault("ledger_unavailable", `${behind} and does not follow: does a worker run?`);
      }
      await Bun.sleep(pause);
    }
  };
}

export const chunksOf = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
