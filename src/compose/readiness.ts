/** Whether this process should be sent requests, and why not. */
import type { Readiness } from "#http/routes/route";
import type { Partition } from "#redis/partition";

/** Movements the ledger may be behind before readiness says so. */
const LAG_MOVEMENTS_MAX = 100_000;

export interface ReadinessFacts {
  readonly partitions: readonly Partition[];
  readonly journalEntriesMax: number;
  readonly isStopping: () => boolean;
  /** Why PostgreSQL is away; null while it answers. */
  readonly ledgerAway: () => string | null;
  /** Partitions whose drain stopped because the journal does not follow the ledger. */
  readonly drainsStopped: () => readonly number[];
  /** Settings of Redis that no longer hold what answers promise. */
  readonly durabilityGaps: () => readonly string[];
}

/** Unavailable only while no stock verb could be served; a ledger that lags is `degraded`. */
export function readinessOf(facts: ReadinessFacts): Readiness {
  const { partitions, journalEntriesMax } = facts;
  const all = (test: (partition: Partition) => boolean): boolean => partitions.every(test);
  const lag = Math.max(...partitions.map((partition) => partition.mark - partition.drained));
  const unavailable: string[] = [];
  if (facts.isStopping()) unavailable.push("the process is stopping");
  if (all(({ state }) => state === "fenced")) unavailable.push("every partition is fenced");
  else if (all(({ state }) => state !== "open")) unavailable.push("Redis cannot be used");
  if (all(({ mark, drained }) => mark - drained >= journalEntriesMax)) {
    unavailable.push("the journal is at its limit");
  }
  unavailable.push(...facts.durabilityGaps());
  if (unavailable.length > 0) return { status: "unavailable", reasons: unavailable };
  const degraded: string[] = [];
  const away = facts.ledgerAway();
  if (away !== null) degraded.push(`PostgreSQL does not answer: ${away}`);
  if (lag > LAG_MOVEMENTS_MAX) degraded.push(`the ledger is ${lag} movements behind`);
  const stopped = facts.drainsStopped();
  if (stopped.length > 0) degraded.push(`the drain of partition ${stopped.join(", ")} stopped`);
  const closed = partitions.filter(({ state }) => state !== "open").length;
  if (closed > 0) degraded.push(`${closed} of ${partitions.length} partitions cannot be used`);
  return { status: degraded.length > 0 ? "degraded" : "healthy", reasons: degraded };
}
