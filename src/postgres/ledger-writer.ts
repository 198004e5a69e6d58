/** The only writer of movements, levels, products, reservations and locations in PostgreSQL. */
import { z } from "zod";
import type { Movement } from "#inventory/model";
import type { AppendOutcome, Cursor, LedgerBatch, LedgerWriter } from "#inventory/ports";
import { batchColumns } from "#postgres/batch-columns";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { asFault, describeFailure, kindOfFailure } from "#postgres/failure";
import { ensureMovementRanges, MOVEMENT_RANGE_SEQS } from "#postgres/movement-ranges";
import appendText from "./statements/append.sql" with { type: "text" };
import cursorText from "./statements/cursor.sql" with { type: "text" };
import quarantineText from "./statements/quarantine.sql" with { type: "text" };
import quarantinedText from "./statements/quarantined.sql" with { type: "text" };

/** Above the server's statement timeout: its answer says more than our silence. */
const ANSWER_MS_MAX = 7_000;

const CursorRow = z.object({ epoch: z.int(), cursor_epoch: z.int(), cursor_seq: z.int() });
const MovedRow = z.object({ moved: z.int().min(0).max(1) });
const QuarantinedRow = z.object({ quarantined: z.int() });

/** What the writer knows of a partition since its cursor was last read. */
interface Known {
  /** Epoch of the partition: a batch read before another one began must not be written. */
  readonly epoch: number;
  /** Movements up to here have a range to go to. */
  rangesUpTo: number;
}

/**
 * Before a batch of a partition, `cursor` must have been read, and the journal after that: this is
 * how an append can tell that the batch is older than the epoch that Redis writes now.
 */
export function createLedgerWriter(sql: Sql): LedgerWriter {
  const known = new Map<number, Known>();
  const run = (text: string, parameters: (string | number)[]) => () =>
    sql.unsafe(text, parameters, { prepare: true });

  const write = async (
    batch: LedgerBatch,
    text: string,
    rest: readonly string[],
  ): Promise<AppendOutcome> => {
    const partition = known.get(batch.partition);
    if (partition === undefined) throw new Error("the cursor must be read before a batch");
    await makeRoom(sql, partition, batch);
    const { from, to } = batch;
    const guard = [batch.partition, from.epoch, from.seq, to.epoch, to.seq, partition.epoch];
    try {
      const [row] = await askRows(MovedRow, run(text, [...guard, ...rest]), ANSWER_MS_MAX);
      return { kind: row?.moved === 1 ? "appended" : "cursor_moved" };
    } catch (error) {
      if (kindOfFailure(error) !== "data") throw asFault(error);
      return { kind: "refused", error: describeFailure(error) };
    }
  };

  return {
    async cursor(partition) {
      const [row] = await askRows(CursorRow, run(cursorText, [partition]), ANSWER_MS_MAX);
      if (row === undefined) throw new Error(`the store has no partition ${partition}`);
      known.set(partition, { epoch: row.epoch, rangesUpTo: 0 });
      return { epoch: row.cursor_epoch, seq: row.cursor_seq };
    },
    async append(batch) {
      mustFollow(batch.from, batch.to, batch.movements);
      return await write(batch, appendText, batchColumns(batch));
    },
    async quarantine(batch, error) {
      mustFollow(batch.from, batch.to, batch.movements);
      if (batch.movements.length !== 1) throw new Error("one movement is set aside at a time");
      const { movements, reservations, products, locations, operations, crossings } = batch;
      const [movement] = movements;
      const kept = { reservations, products, locations, operations, crossings };
      const payload = JSON.stringify({ movement, ...kept });
      return await write(batch, quarantineText, [payload, error]);
    },
    async quarantined() {
      const [row] = await askRows(QuarantinedRow, run(quarantinedText, []), ANSWER_MS_MAX);
      return row?.quarantined ?? 0;
    },
  };
}

/** Makes the next range when the batch comes within a range's length of the last one made. */
async function makeRoom(sql: Sql, known: Known, { from, to }: LedgerBatch): Promise<void> {
  if (to.seq + MOVEMENT_RANGE_SEQS <= known.rangesUpTo) return;
  const last = to.seq + 2 * MOVEMENT_RANGE_SEQS;
  await ask(() => ensureMovementRanges(sql, from.seq, last), ANSWER_MS_MAX);
  known.rangesUpTo = last;
}

/** The statement derives seq and epoch of each movement from the cursor: they must agree. */
function mustFollow(from: Cursor, to: Cursor, movements: readonly Movement[]): void {
  let seq = from.seq;
  for (const movement of movements) {
    seq += 1;
    if (movement.seq !== seq || movement.epoch !== to.epoch) {
      throw new Error(`movement ${movement.epoch}-${movement.seq} does not follow in its batch`);
    }
  }
  if (seq !== to.seq || seq === from.seq || to.epoch < from.epoch) {
    throw new Error(`a batch from ${from.epoch}-${from.seq} does not end at ${to.epoch}-${to.seq}`);
  }
}
