/** Writes a batch into the ledger; a movement that PostgreSQL refuses is set aside alone. */
import type { AppendOutcome, LedgerBatch, LedgerWriter } from "#inventory/ports";
import { halves } from "#workers/journal-batches";

export type Written = "appended" | "cursor_moved" | "stopped";

export interface AppendOptions {
  /** The batch behind it, if that is known. */
  readonly next?: LedgerBatch | undefined;
  /** Asked before each statement. */
  readonly isStopping?: () => boolean;
  /** A movement went to quarantine. */
  readonly onSetAside?: (batch: LedgerBatch, error: string) => Promise<void>;
}

export async function appendOrSetAside(
  writer: LedgerWriter,
  batch: LedgerBatch,
  options: AppendOptions = {},
): Promise<Written> {
  if (options.isStopping?.()) return "stopped";
  const outcome = await writer.append(batch, options.next);
  if (outcome.kind !== "refused") return outcome.kind;
  if (batch.movements.length === 1) return await setAside(writer, batch, outcome.error, options);
  const [left, right] = halves(batch);
  const written = await appendOrSetAside(writer, left, options);
  return written === "appended" ? await appendOrSetAside(writer, right, options) : written;
}

async function setAside(
  writer: LedgerWriter,
  batch: LedgerBatch,
  error: string,
  { onSetAside }: AppendOptions,
): Promise<Written> {
  const outcome: AppendOutcome = await writer.quarantine(batch, error);
  if (outcome.kind === "refused") throw new Error(`quarantine was refused: ${outcome.error}`);
  if (outcome.kind === "appended") await onSetAside?.(batch, error);
  return outcome.kind;
}
