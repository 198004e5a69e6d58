/**
 * Rebuilds a partition of Redis from the ledger, when Redis lacks what was acknowledged: claimed
 * under a token, what its journal still has drained, emptied, written anew, opened in an epoch of
 * its own. Whoever dies on the way leaves it fenced, and the next one begins from the beginning.
 */
import type { Cursor, EpochLedger, LedgerWriter } from "#inventory/drain-ports";
import type { Claimed, CopiedCounts, PartitionRepair, RepairLedger } from "#inventory/repair-ports";
import { appendOrSetAside } from "#workers/append";
import { cutJournal } from "#workers/journal-batches";

/** Of one reading of what the journal still has. */
const ENTRIES_MAX = 200;
const MOVEMENTS_MAX = 2_000;

export interface RebuildDependencies {
  readonly repair: PartitionRepair;
  readonly ledger: RepairLedger;
  readonly ledgerWriter: LedgerWriter;
  readonly epochs: EpochLedger;
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
  readonly missing: { readonly from: number; readonly to: number } | null;
}
export type RebuildOutcome =
  | Rebuilt
  | { readonly kind: "open" | "taken" | "foreign" }
  /** Somebody has to decide first. */
  | { readonly kind: "waits"; readonly reason: string };

/** Rejects with `ClaimLost` when another goes on with it, and as the servers do when one is away. */
export async function rebuildPartition(
  partition: number,
  use: RebuildDependencies,
  options: RebuildOptions,
): Promise<RebuildOutcome> {
  const { repair, ledger, epochs } = use;
  const runId = await repair.runId();
  const other = await ledger.otherServer(partition, runId);
  if (other !== null) return waits(`another Redis server is in use for this store: ${other}`);
  const claimed = await repair.claim(partition, options.which);
  if (claimed.kind !== "claimed") return claimed;
  let outcome: RebuildOutcome = waits("no epoch could be taken");
  await epochs.begin(partition, runId, async (epoch) => {
    if (claimed.epoch >= epoch) return { kind: "used", epoch: claimed.epoch };
    outcome = await rebuilt(partition, epoch, runId, claimed, use, options);
    if (outcome.kind === "rebuilt") return { kind: "begun", epoch, seq: outcome.seq };
    return { kind: "behind", seq: claimed.seq };
  });
  return outcome;
}

const waits = (reason: string): RebuildOutcome => ({ kind: "waits", reason });

async function rebuilt(
  partition: number,
  epoch: number,
  runId: string,
  claimed: Claimed,
  use: RebuildDependencies,
  { discards, onStep = () => undefined }: RebuildOptions,
): Promise<RebuildOutcome> {
  const { repair, ledger } = use;
  onStep("drain", 0);
  const start = await use.ledgerWriter.cursor(partition);
  const { cursor, gap } = await drainRest(partition, start, use);
  if (gap !== null && !discards) return waits(`its journal does not follow the ledger: ${gap}`);
  const unsettled = await ledger.quarantined(partition);
  if (unsettled > 0) return waits(`${unsettled} of its movements are in quarantine`);
  if (!(await ledger.seal(partition, epoch, cursor.seq, runId))) {
    return waits("the ledger moved meanwhile");
  }
  const highest = Math.max(claimed.missing, claimed.seq);
  const missing = highest > cursor.seq ? { from: cursor.seq + 1, to: highest } : null;
  onStep("forget", 0);
  await repair.forget(partition);
  let written = 0;
  const counts = await ledger.copy(partition, async (part) => {
    await repair.write(partition, part);
    written += part.products.length + part.holds.length;
    onStep("write", written);
  });
  const drained = cursor.seq - start.seq;
  const facts = { seq: cursor.seq, drained, ...counts };
  await ledger.report({ partition, kind: "rebuilt", epoch, missing, operations: [], facts });
  await repair.reopen(partition, runId, { epoch, seq: cursor.seq }, counts.lastAt);
  return { kind: "rebuilt", epoch, seq: cursor.seq, drained, missing, ...counts };
}

/** Brings what the journal still has into the ledger, as far as it follows. */
async function drainRest(
  partition: number,
  start: Cursor,
  { repair, ledgerWriter }: RebuildDependencies,
): Promise<{ cursor: Cursor; gap: string | null }> {
  let cursor = start;
  for (;;) {
    await repair.claim(partition, "any");
    const entries = await repair.rest(partition, cursor, ENTRIES_MAX);
    const { batches, gap } = cutJournal(partition, cursor, entries, MOVEMENTS_MAX);
    for (const batch of batches) {
      const written = await appendOrSetAside(ledgerWriter, batch);
      if (written !== "appended") throw new Error("the ledger's cursor moved under a rebuild");
      cursor = batch.to;
    }
    if (gap !== null || entries.length === 0) return { cursor, gap };
  }
}
