/**
 * Rebuilds a partition of Redis from the ledger, when Redis lacks what was acknowledged: claimed
 * under a token, what its journal still has drained, emptied, written anew, opened in an epoch of
 * its own. Whoever dies on the way leaves it fenced, and the next one begins from the beginning.
 */
import type { Cursor, EpochLedger, LedgerBatch, LedgerWriter } from "#inventory/drain-ports";
import type { AlertDesk } from "#inventory/event-ports";
import {
  IN_USE_MS,
  type Claimed,
  type CopiedCounts,
  type PartitionRebuild,
  type RebuildLedger,
} from "#inventory/rebuild-ports";
import { appendOrSetAside } from "#workers/append";
import { cutJournal } from "#workers/journal-batches";

/** Of one reading of what the journal still has. */
const ENTRIES_MAX = 200;
const MOVEMENTS_MAX = 2_000;
/** Far below the time that a claim lasts. */
const RENEW_EVERY_MS = 5_000;

export interface RebuildDependencies {
  readonly rebuild: PartitionRebuild;
  readonly ledger: RebuildLedger;
  readonly ledgerWriter: LedgerWriter;
  readonly epochs: EpochLedger;
  readonly alerts: AlertDesk;
}

export interface RebuildOptions {
  /** `fenced`: only where something is missing; `any`: an open partition too. */
  readonly which: "fenced" | "any";
  /** Whether what Redis has and the ledger cannot take may be given up. */
  readonly discards: boolean;
  /** Told of each step, for who watches. */
  readonly onStep?: (step: string, done: number) => void;
}

export interface Rebuilt extends CopiedCounts {
  readonly kind: "rebuilt";
  readonly epoch: number;
  readonly seq: number;
  /** Movements that the journal still had. */
  readonly drained: number;
  /** Movements that somebody knows of and the ledger does not have. */
  readonly missing: MissingMovements | null;
  /** Seconds of Redis's clock in which holds are due, in order. */
  readonly dueSeconds: readonly number[];
}
export interface MissingMovements {
  readonly from: number;
  readonly to: number;
}
export type RebuildOutcome =
  | Rebuilt
  | { readonly kind: "open" | "taken" | "foreign" }
  /** Somebody has to decide first. */
  | { readonly kind: "waits"; readonly reason: string };

/**
 * Rejects with `ClaimLost` when another goes on with it, and as the servers do when one is away. What
 * waits, or failed before anything was written, is left as it was found: who was selling goes on.
 */
export async function rebuildPartition(
  partition: number,
  use: RebuildDependencies,
  options: RebuildOptions,
): Promise<RebuildOutcome> {
  const { rebuild, ledger, epochs } = use;
  const runId = await rebuild.runId();
  const busy = await otherServerOf(partition, runId, ledger);
  if (busy !== null) return busy;
  const claimed = await rebuild.claim(partition, options.which);
  if (claimed.kind !== "claimed") return claimed;
  let outcome: RebuildOutcome = waits("no epoch could be taken");
  let isSealed = false;
  const onSealed = (): void => {
    isSealed = true;
  };
  try {
    await epochs.begin(partition, runId, async (epoch) => {
      if (claimed.epoch >= epoch) return { kind: "used", epoch: claimed.epoch };
      outcome = await rebuilt(partition, epoch, runId, claimed, use, { ...options, onSealed });
      if (outcome.kind === "rebuilt") return { kind: "begun", epoch, seq: outcome.seq };
      return { kind: "behind", seq: claimed.seq };
    });
    return outcome;
  } finally {
    // Nothing was written: it is as it was found. A claim that cannot be lifted now runs out.
    if (!isSealed) await rebuild.lift(partition).catch(() => undefined);
  }
}

/**
 * Whoever uses a server says so each second, while PostgreSQL answers. Where another one was ever in
 * use, the ledger is asked twice: it may have been away until a moment ago, for them as for us.
 */
async function otherServerOf(partition: number, runId: string, ledger: RebuildLedger) {
  const inUse = async () => {
    const other = await ledger.otherServer(partition, runId);
    if (other === null || other.seenMsAgo >= IN_USE_MS) return { other, waiting: null };
    return { other, waiting: waits(inUseWords(other.runId)) };
  };
  const { other, waiting } = await inUse();
  if (other === null || waiting !== null) return waiting;
  await Bun.sleep(IN_USE_MS);
  return (await inUse()).waiting;
}

/** What to do about it stands in it: whoever reads it need not know what a run id is. */
export const inUseWords = (runId: string): string =>
  `another Redis server is in use for this store: within the last seconds a process worked with ` +
  `one whose run_id is ${runId} (redis-cli INFO server). Give every process the same REDIS_URL, or ` +
  `end the one that has another; a Redis that was just restarted passes by itself`;

const waits = (reason: string): RebuildOutcome => ({ kind: "waits", reason });

async function rebuilt(
  partition: number,
  epoch: number,
  runId: string,
  claimed: Claimed,
  use: RebuildDependencies,
  { discards, onSealed, onStep = () => undefined }: RebuildOptions & { onSealed: () => void },
): Promise<RebuildOutcome> {
  const { rebuild, ledger } = use;
  onStep("drain", 0);
  const start = await use.ledgerWriter.cursor(partition);
  const { cursor, gap } = await drainRest(partition, start, use);
  if (gap !== null && !discards) return waits(`its journal does not follow the ledger: ${gap}`);
  const unsettled = await ledger.quarantined(partition);
  if (unsettled > 0) return waits(`${unsettled} of its movements are in quarantine`);
  if (!(await ledger.seal(partition, epoch, cursor.seq, runId))) {
    return waits("the ledger moved meanwhile, or another Redis server is in use");
  }
  onSealed();
  // Whoever looks from time to time may miss a short fence: this one is told before it can end.
  const fenced = { partition, kind: "fenced", productId: null, units: null, detail: null } as const;
  await use.alerts.raise(fenced);
  const missing = missingBeyond(cursor, claimed);
  const drained = cursor.seq - start.seq;
  onStep("forget", 0);
  const counts = await whileRenewing(partition, rebuild, async () => {
    await rebuild.forget(partition);
    let written = 0;
    const copied = await ledger.copy(partition, async (part) => {
      await rebuild.write(partition, part);
      written += part.products.length + part.holds.length;
      onStep("write", written);
    });
    // Of all partitions: as long as one of them is not there, its products' SKUs are not free.
    await ledger.skus((claims) => rebuild.claimSkus(claims));
    return copied;
  });
  const facts = { seq: cursor.seq, drained, ...counts };
  const report = { partition, kind: "rebuilt" as const, epoch, missing, operations: [], facts };
  await ledger.report({ ...report, reportedBy: "rebuild" });
  const begin = { epoch, seq: cursor.seq };
  const dueSeconds = await rebuild.reopen(partition, runId, begin, counts.lastAt);
  return { kind: "rebuilt", epoch, seq: cursor.seq, drained, missing, dueSeconds, ...counts };
}

/** The ledger may take longer to answer than a claim lasts. */
async function whileRenewing<Result>(
  partition: number,
  rebuild: PartitionRebuild,
  work: () => Promise<Result>,
): Promise<Result> {
  let renewed = Promise.resolve();
  const timer = setInterval(() => {
    renewed = renewed.then(() => rebuild.renew(partition));
    // It is awaited at the end.
    renewed.catch(() => undefined);
  }, RENEW_EVERY_MS);
  try {
    const result = await work();
    await renewed;
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** What a partition is known to have had beyond what can be brought into the ledger. */
export function missingBeyond(
  cursor: Cursor,
  known: Pick<Claimed, "seq" | "missing">,
): MissingMovements | null {
  const highest = Math.max(known.missing ?? 0, known.seq);
  return highest > cursor.seq ? { from: cursor.seq + 1, to: highest } : null;
}

/** Brings what the journal still has into the ledger, as far as it follows. */
function drainRest(
  partition: number,
  start: Cursor,
  { rebuild, ledgerWriter }: RebuildDependencies,
): Promise<Followed> {
  return followRest(partition, start, rebuild, async (batches) => {
    await rebuild.renew(partition);
    for (const batch of batches) {
      const written = await appendOrSetAside(ledgerWriter, batch);
      if (written !== "appended") throw new Error("the ledger's cursor moved under a rebuild");
    }
  });
}

interface Followed {
  /** As far as the journal follows the ledger. */
  readonly cursor: Cursor;
  /** Why it cannot be followed further; null: nothing is behind it. */
  readonly gap: string | null;
}

/** Reads what the journal still has behind the ledger's cursor; `take` gets it in order. */
export async function followRest(
  partition: number,
  start: Cursor,
  rebuild: Pick<PartitionRebuild, "rest">,
  take: (batches: readonly LedgerBatch[]) => Promise<void>,
): Promise<Followed> {
  let cursor = start;
  for (;;) {
    const entries = await rebuild.rest(partition, cursor, ENTRIES_MAX);
    const { batches, gap } = cutJournal(partition, cursor, entries, MOVEMENTS_MAX);
    await take(batches);
    cursor = batches.at(-1)?.to ?? cursor;
    if (gap !== null || entries.length === 0) return { cursor, gap };
  }
}
