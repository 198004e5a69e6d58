/** What has ended goes after a while: holds, alerts, runs, receipts and reports. */
import { z } from "zod";
import { askRow } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import alertsText from "./statements/remove-alerts.sql" with { type: "text" };
import finishedText from "./statements/remove-finished.sql" with { type: "text" };
import reservationsText from "./statements/remove-reservations.sql" with { type: "text" };

const DAY_MS = 86_400_000;
const STATEMENT_MS_MAX = 5_000;
/** Rows of a table that one statement looks at, or removes. */
const REMOVED_AT_ONCE = 1_000;

const FinishedRow = z.object({ most: z.int() });
const WalkedRow = z.object({ last: z.string().nullable(), looked: z.int() });

/** Through one table by age: among old rows are some that stay. */
interface Walk {
  readonly text: string;
  /** Time of the last row that was looked at; null: none was. */
  after: string | null;
  isDone: boolean;
}

const walks = (): readonly Walk[] =>
  [alertsText, reservationsText].map((text) => ({ text, after: null, isDone: false }));

/**
 * What removes some of what ended more than `keptDays` ago, and answers whether there may be more:
 * false once all was looked at, and the next call begins anew. Two at once remove the same rows once.
 */
export function createRemoval(
  sql: Sql,
  keptDays: number,
  rowsMax = REMOVED_AT_ONCE,
): () => Promise<boolean> {
  const keptMs = keptDays * DAY_MS;
  let open = walks();
  return async function removeSome() {
    const finished = () => sql.unsafe(finishedText, [keptMs, rowsMax]);
    const { most } = await askRow(FinishedRow, finished, STATEMENT_MS_MAX);
    for (const walk of open) {
      const statement = () => sql.unsafe(walk.text, [walk.after, keptMs, rowsMax]);
      const { last, looked } = await askRow(WalkedRow, statement, STATEMENT_MS_MAX);
      walk.after = last ?? walk.after;
      walk.isDone = looked < rowsMax;
    }
    open = open.filter(({ isDone }) => !isDone);
    const hasMore = most === rowsMax || open.length > 0;
    if (!hasMore) open = walks();
    return hasMore;
  };
}
