/** What every part of a comparison works with. */
import { Fault } from "#inventory/faults";
import type { Difference, DifferenceKind, ReconcileScope } from "#inventory/reconcile-ports";
import type { Repair } from "#inventory/reconcile-repairs";
import type {
  QuarantinedMovement,
  ReconcileLedger,
  ReconcileStock,
} from "#inventory/reconcile-sides";
import type { Clock } from "#lib/clock";
import { DIFFERENCES_KEPT, hashOf, type Findings, type Found } from "#workers/reconcile/findings";

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
  /** null: nobody goes on where this run is stopped. */
  readonly notes: MendNotes | null;
  readonly quarantine: readonly QuarantinedMovement[];
  /** Partitions of which a hold or a movement is in doubt: what is reserved there is left as it is. */
  readonly contested: Set<number>;
  /** Products of which a level broke off, mended or not: what their movements say may be wrong. */
  readonly broken: Set<string>;
  /** Resolves when the ledger has that movement. */
  readonly follow: (partition: number, seq: number) => Promise<void>;
  /** So much of a stage is done, 0 … 1; rejects when the run shall end. */
  readonly advance: (stage: Stage, share: number) => Promise<void>;
  /** Tells, within a long step, that the run goes on: one that is silent is begun by another worker. */
  readonly goOn: () => Promise<void>;
}

export const STAGES = [
  "history",
  "products",
  "holds",
  "live holds",
  "ended holds",
  "receipts",
  "chain",
] as const;
export type Stage = (typeof STAGES)[number];

/** Mends one difference; false: it is not as it was found any more, or cannot be mended. */
export type Mend = (repair: Repair) => Promise<boolean>;

/** What a run has mended, for who goes on with it. */
export interface MendNotes {
  note(name: string, difference: Difference | null): Promise<void>;
  withdraw(name: string): Promise<void>;
}

/** A difference, and what would mend it; null: nothing does. */
export interface Mendable {
  readonly found: Found;
  readonly repair: Repair | null;
}

/** Of these nobody knows whether what is reserved is right. */
const CONTESTING: ReadonlySet<DifferenceKind> = new Set([
  "orphan_hold",
  "missing_hold",
  "hold_differs",
  "missing_movement",
]);

/** Notes a difference, mended first where that is asked for. */
export async function settle(run: Comparison, { found, repair }: Mendable): Promise<void> {
  if (!run.findings.isNew(found)) return;
  await run.goOn();
  const repaired = repair !== null && (await mended(run, found, repair));
  if (!repaired && CONTESTING.has(found.kind)) run.contested.add(found.partition);
  run.findings.add(found, repaired);
}

/** Noted first: of a worker that dies then, the next attempt tells that it was mended. */
async function mended({ mend, notes, findings }: Comparison, found: Found, repair: Repair) {
  if (mend === null) return false;
  const name = hashOf(found);
  const isNamed = findings.count < DIFFERENCES_KEPT;
  await notes?.note(name, isNamed ? { ...found, repaired: true } : null);
  const repaired = await mend(repair);
  if (!repaired) await notes?.withdraw(name);
  return repaired;
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
