/** Old ranges of movements: which may be put away, and putting them away. */
import { z } from "zod";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { MOVEMENT_RANGE_SEQS } from "#postgres/movement-ranges";
import rangesText from "./statements/retention-ranges.sql" with { type: "text" };

/** One range is some minutes of reading. */
export const RETENTION_MS_MAX = 30 * 60_000;
/** A rebuild looks at that many of the last movements for the partition's time. */
const PAST_SEQS_MIN = 1_000;
/** A rebuild asks for the movements of holds that ended within a day. */
const AGE_MS_MIN = 2 * 86_400_000;

/** Up to where movements are put away: before a movement, or before a time (epoch milliseconds). */
export type Boundary =
  { readonly kind: "seq"; readonly seq: number } | { readonly kind: "time"; readonly at: number };

export interface MovementRange {
  /** All its seqs, of every partition. */
  readonly first: number;
  readonly last: number;
  /** Its name, which it keeps. */
  readonly table: string;
  /** Of its newest movement (ms); null: it has none. */
  readonly newestAt: number | null;
  /** Why it stays; null: it may be put away. */
  readonly stays: string | null;
}

const RangeRow = z.object({
  first: z.int(),
  last: z.int(),
  newestAt: z.int().nullable(),
  laggingPartition: z.int().nullable(),
  laggingAt: z.int().nullable(),
  young: z.boolean(),
  unsettled: z.int(),
});

/** The ranges that are there, oldest first, up to the first that stays: none behind it may go. */
export async function rangesBefore(sql: Sql, boundary: Boundary): Promise<MovementRange[]> {
  const parameters = [MOVEMENT_RANGE_SEQS, PAST_SEQS_MIN, AGE_MS_MIN];
  const statement = () => sql.unsafe(rangesText, parameters, { prepare: false });
  const rows = await askRows(RangeRow, statement, RETENTION_MS_MAX);
  const ranges = rows.map((row) => {
    const { first, last, newestAt } = row;
    return { first, last, table: `movements_${first}`, newestAt, stays: reasonOf(row, boundary) };
  });
  const end = ranges.findIndex(({ stays }) => stays !== null);
  return end === -1 ? ranges : ranges.slice(0, end + 1);
}

/** Puts a range away, wholly or not at all. Rejects where it may not go, or is read all the time. */
export async function putAway(sql: Sql, { first, last }: MovementRange): Promise<void> {
  await ask(() => sql`SELECT put_away_movements(${first}, ${last})`, RETENTION_MS_MAX);
}

function reasonOf(row: z.output<typeof RangeRow>, boundary: Boundary): string | null {
  const { last, newestAt, laggingPartition, laggingAt, young, unsettled } = row;
  if (boundary.kind === "seq" && last >= boundary.seq) return `it ends at ${last}`;
  if (laggingPartition !== null) {
    return `partition ${laggingPartition} is at ${laggingAt}: it may still write there, or look there`;
  }
  if (boundary.kind === "time" && newestAt !== null && newestAt >= boundary.at) {
    return `its newest movement is of ${new Date(newestAt).toISOString()}`;
  }
  if (young) return "its newest movement is younger than two days";
  if (unsettled > 0) return `${unsettled} of its movements are in quarantine: settle them first`;
  return null;
}
