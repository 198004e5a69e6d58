/** Looks at a partition and at what its ledger has: what a rebuild would do. Changes nothing. */
import { IN_USE_MS, type Extent, type Looked } from "#inventory/rebuild-ports";
import {
  followRest,
  inUseWords,
  missingBeyond,
  type MissingMovements,
  type RebuildDependencies,
} from "#workers/rebuild";

/** While the drain goes on, what is read here and there is of different moments. */
const LOOKS_MAX = 5;

export interface Survey {
  /** null: Redis holds nothing of this store. */
  readonly found: Looked | null;
  readonly extent: Extent;
  /** Movements that the journal has and the ledger would take. */
  readonly drained: number;
  /** Why the journal cannot be followed further; null: nothing is behind it. */
  readonly gap: string | null;
  /** Movements that somebody knows of and the ledger would not have. */
  readonly missing: MissingMovements | null;
  /** Why nothing could be written now; null: nothing speaks against it. */
  readonly waits: string | null;
  /** Whether Redis has what the ledger has, and nobody fenced it. */
  readonly isWhole: boolean;
}

export async function surveyPartition(
  partition: number,
  use: Pick<RebuildDependencies, "rebuild" | "ledger">,
): Promise<Survey> {
  for (let look = 1; ; look += 1) {
    const survey = await surveyOnce(partition, use);
    const { epoch, seq } = survey.extent;
    if (survey.missing === null || look === LOOKS_MAX) return survey;
    const now = await use.ledger.extent(partition);
    // Else it moved meanwhile, and the journal was perhaps trimmed behind it.
    if (now.epoch === epoch && now.seq === seq) return survey;
  }
}

async function surveyOnce(
  partition: number,
  { rebuild, ledger }: Pick<RebuildDependencies, "rebuild" | "ledger">,
): Promise<Survey> {
  const found = await rebuild.look(partition);
  const extent = await ledger.extent(partition);
  const waits = await waitsFor(partition, found, { rebuild, ledger });
  const own = found?.isForeign === true ? null : found;
  const start = { epoch: extent.epoch, seq: extent.seq };
  const followed =
    own === null
      ? { cursor: start, gap: null }
      : await followRest(partition, start, rebuild, () => Promise.resolve());
  const missing = missingBeyond(followed.cursor, own ?? { seq: 0, missing: 0 });
  const has = own ?? { epoch: 0, seq: 0, fence: null };
  const isWhole =
    missing === null &&
    has.fence === null &&
    has.seq >= extent.seq &&
    has.epoch >= Math.max(extent.epoch, extent.lastEpoch);
  const drained = followed.cursor.seq - extent.seq;
  return { found, extent, drained, gap: followed.gap, missing, waits, isWhole };
}

async function waitsFor(
  partition: number,
  found: Looked | null,
  { rebuild, ledger }: Pick<RebuildDependencies, "rebuild" | "ledger">,
): Promise<string | null> {
  if (found?.isForeign === true) return "it holds another store's data";
  const other = await ledger.otherServer(partition, await rebuild.runId());
  if (other !== null && other.seenMsAgo < IN_USE_MS) return inUseWords(other.runId);
  const unsettled = await ledger.quarantined(partition);
  return unsettled > 0 ? `${unsettled} of its movements are in quarantine` : null;
}
