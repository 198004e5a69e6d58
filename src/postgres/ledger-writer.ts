/** The only writer of movements, levels, products, reservations and locations in PostgreSQL. */
import { z } from "zod";
import { ProductId, type Movement } from "#inventory/model";
import type { AppendOutcome, Cursor, LedgerBatch, LedgerWriter } from "#inventory/ports";
import { batchColumns, NO_LINKS } from "#postgres/batch-columns";
import { asideLink, linksOf, originOf } from "#postgres/chain";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { textColumn } from "#postgres/columns";
import { asFault, describeFailure, kindOfFailure } from "#postgres/failure";
import { ensureMovementRanges, MOVEMENT_RANGE_SEQS } from "#postgres/movement-ranges";
import appendText from "./statements/append.sql" with { type: "text" };
import batchRowsText from "./statements/batch-rows.sql" with { type: "text" };
import chainBeginText from "./statements/chain-begin.sql" with { type: "text" };
import chainEndText from "./statements/chain-end.sql" with { type: "text" };
import cursorText from "./statements/cursor.sql" with { type: "text" };
import quarantineText from "./statements/quarantine.sql" with { type: "text" };
import quarantinedText from "./statements/quarantined.sql" with { type: "text" };

/** Above the server's statement timeout: its answer says more than our silence. */
const ANSWER_MS_MAX = 7_000;

const CursorRow = z.object({
  epoch: z.int(),
  cursor_epoch: z.int(),
  cursor_seq: z.int(),
  chain: z.string().nullable(),
  chainKey: z.string(),
});
const MovedRow = z.object({ moved: z.int().min(0).max(1), chainKey: z.string().nullable() });
const QuarantinedRow = z.object({ quarantined: z.int() });

/** What the writer knows of a partition since its cursor was last read. */
interface Known {
  /** Epoch of the partition: a batch read before another one began must not be written. */
  readonly epoch: number;
  /** Movements up to here have a range to go to. */
  rangesUpTo: number;
  /** Link of the movement at the cursor; null: there is no chain. */
  chain: string | null;
  /** What the salts of its movements are made of. */
  chainKey: string;
}

export interface LedgerWriterOptions {
  /**
   * Whether movements have a chain of hashes. It begins, or ends, with the first one written. null: as
   * it is found, for who writes in the place of somebody else.
   */
  readonly chain: boolean | null;
}

/** Moves the cursor over a batch and writes its rows. */
const APPEND = `WITH moved AS (${appendText}), ${batchRowsText}`;

/** Whose turn a batch is: partition, cursor before and after, epoch of the partition. */
type Guard = readonly number[];

/** Parameters of a statement, and the link that the chain ends with after it. */
interface Written {
  readonly parameters: readonly (string | number | null)[];
  readonly chain: string | null;
}

/**
 * Before a batch of a partition, `cursor` must have been read, and the journal after that: this is
 * how an append can tell that the batch is older than the epoch that Redis writes now.
 */
export function createLedgerWriter(
  sql: Sql,
  options: LedgerWriterOptions = { chain: null },
): LedgerWriter {
  const known = new Map<number, Known>();
  /** Columns of batches that are expected next. */
  const ready = new WeakMap<LedgerBatch, string[]>();
  const run = (text: string, parameters: (string | number | null)[]) => () =>
    sql.unsafe(text, parameters, { prepare: true });

  const read = async (partition: number): Promise<z.output<typeof CursorRow>> => {
    const [row] = await askRows(CursorRow, run(cursorText, [partition]), ANSWER_MS_MAX);
    if (row === undefined) throw new Error(`the store has no partition ${partition}`);
    return row;
  };

  /** Begins or ends the chain before the first movement that shall have another setting. */
  const switchChain = async (of: number, { seq }: Cursor, partition: Known): Promise<void> => {
    const [text, link] =
      partition.chain === null
        ? [chainBeginText, originOf(of, seq + 1)]
        : [chainEndText, partition.chain];
    await ask(run(text, [of, seq, link]), ANSWER_MS_MAX);
    // If the cursor or the chain was elsewhere, the append finds that out.
    partition.chain = (await read(of)).chain;
  };

  const isAsWanted = ({ chain }: Known): boolean =>
    options.chain === null || options.chain === (chain !== null);

  const write = async (
    batch: LedgerBatch,
    text: string,
    parametersOf: (partition: Known, guard: Guard) => Written,
  ): Promise<AppendOutcome> => {
    const partition = known.get(batch.partition);
    if (partition === undefined) throw new Error("the cursor must be read before a batch");
    await makeRoom(sql, partition, batch);
    const { from, to } = batch;
    if (!isAsWanted(partition)) {
      await switchChain(batch.partition, from, partition);
      if (!isAsWanted(partition)) return { kind: "cursor_moved" };
    }
    const guard = [batch.partition, from.epoch, from.seq, to.epoch, to.seq, partition.epoch];
    const { parameters, chain } = parametersOf(partition, guard);
    try {
      const [row] = await askRows(MovedRow, run(text, [...parameters]), ANSWER_MS_MAX);
      if (row?.moved !== 1) return { kind: "cursor_moved" };
      partition.chain = chain;
      partition.chainKey = row.chainKey ?? partition.chainKey;
      return { kind: "appended" };
    } catch (error) {
      if (kindOfFailure(error) !== "data") throw asFault(error);
      return { kind: "refused", error: describeFailure(error) };
    }
  };

  return {
    async cursor(partition) {
      const row = await read(partition);
      const { epoch, chain, chainKey } = row;
      known.set(partition, { epoch, rangesUpTo: 0, chain, chainKey });
      return { epoch: row.cursor_epoch, seq: row.cursor_seq };
    },
    async append(batch, next) {
      mustFollow(batch.from, batch.to, batch.movements);
      // While PostgreSQL is at work on this one, which has left by then.
      if (next !== undefined) setImmediate(() => ready.set(next, batchColumns(next)));
      return await write(batch, APPEND, (partition, guard) => {
        return appended(ready.get(batch) ?? batchColumns(batch), batch, partition, guard);
      });
    },
    async quarantine(batch, error) {
      mustFollow(batch.from, batch.to, batch.movements);
      if (batch.movements.length !== 1) throw new Error("one movement is set aside at a time");
      // Replies to repeats are for a day, and name customers in texts of their own: not linked.
      const { movements, reservations, products, locations, crossings, records } = batch;
      const operations = batch.operations.length > 0 ? JSON.stringify(batch.operations) : null;
      const [movement] = movements;
      const kept = { reservations, products, locations, crossings, records };
      const payload = JSON.stringify({ movement, ...kept });
      // Whatever is wrong with it, it is set aside.
      const productId = ProductId.safeParse(movement?.productId).data ?? null;
      return await write(batch, quarantineText, ({ chain }, guard) => {
        const parameters = [...guard, payload, error, chain];
        if (chain === null) {
          return { parameters: [...parameters, null, null, null, productId, operations], chain };
        }
        const link = asideLink(chain, batch.to.seq, payload);
        const more = [link.chain, link.commitment, link.salt, productId, operations];
        return { parameters: [...parameters, ...more], chain: link.chain };
      });
    },
    async quarantined() {
      const [row] = await askRows(QuarantinedRow, run(quarantinedText, []), ANSWER_MS_MAX);
      return row?.quarantined ?? 0;
    },
  };
}

function appended(
  columns: readonly string[],
  { movements }: LedgerBatch,
  { chain, chainKey }: Known,
  guard: Guard,
): Written {
  if (chain === null) {
    return { parameters: [...columns, ...NO_LINKS, ...guard, null, null], chain };
  }
  const links = linksOf(chainKey, chain, movements);
  const last = links.at(-1)?.chain ?? chain;
  const parameters = [
    ...columns,
    textColumn(links, (link) => link.chain),
    textColumn(links, ({ commitment }) => commitment),
    textColumn(links, ({ salt }) => salt),
    ...guard,
    chain,
    last,
  ];
  return { parameters, chain: last };
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
