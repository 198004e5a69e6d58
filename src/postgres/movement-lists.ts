/** Movements by what they say, in pages and in spans, and stock as it was at an instant. */
import { z } from "zod";
import { Fault } from "#inventory/faults";
import type { MovementFilter } from "#inventory/ledger-ports";
import type { Movement } from "#inventory/model";
import type { Ledger } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import { askRow, askRows, forCaller } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { isIndexed, listStatement } from "#postgres/movement-conditions";
import { cursorOf, LEDGER_ROWS_MAX, readCursor, rowsOf } from "#postgres/page-cursor";
import { MovementRow, MovementSpanRow, PutAwayRow, StockAtRow } from "#postgres/rows";
import spansText from "./statements/movement-spans.sql" with { type: "text" };
import putAwayText from "./statements/put-away-until.sql" with { type: "text" };
import stockAtText from "./statements/stock-at.sql" with { type: "text" };

/** It takes some 50 ms. */
const SCANNED_MAX = 100_000;

/** What a timestamp of JavaScript may be, and PostgreSQL takes. */
export const TIME_MS_MAX = 8.64e15;
const MovementCursor = z.tuple([
  z.int().min(-TIME_MS_MAX).max(TIME_MS_MAX),
  z.int().min(0).max(9999),
  z.int().min(0),
]);
/** Time, partition and seq: what movements are sorted by. */
type Key = z.output<typeof MovementCursor>;

type Lists = Pick<
  Ledger,
  "movementPage" | "movementSpans" | "movementsIn" | "putAwayUntil" | "stockAt"
>;
type SpanRow = z.output<typeof MovementSpanRow>;

interface MovementListsOptions {
  readonly sql: Sql;
  /** The clock that the callers' deadlines are on. */
  readonly clock: Clock;
  /** Movements that one statement looks at where no index leads to those asked for. */
  readonly scannedMax?: number;
}

export function createMovementLists(options: MovementListsOptions): Lists {
  const { sql, clock, scannedMax = SCANNED_MAX } = options;
  const left = (deadline: number) => deadline - clock.now();
  const run = (text: string, parameters: (string | number | boolean | null)[]) =>
    forCaller(() => sql.unsafe(text, parameters, { prepare: false }));
  const spansOf = (
    { partition, from, to }: MovementFilter,
    [at, ownPartition, seq]: Key | [null, null, null],
    [isNewest, most]: [boolean, number | null],
    deadline: number,
  ): Promise<SpanRow[]> => {
    const place = [partition, from, to, at, ownPartition, seq, isNewest, most];
    return askRows(MovementSpanRow, run(spansText, place), left(deadline));
  };

  return {
    async movementPage(query, deadline) {
      const { cursor, order } = query;
      const limit = rowsOf(query.limit);
      const after = cursor === null ? nowhere : readCursor(MovementCursor, cursor);
      const isNewest = order === "newest";
      const most = isIndexed(query) ? null : scannedMax;
      const spans = await spansOf(query, after, [isNewest, most], deadline);
      if (spans.length === 0) return { items: [], nextCursor: null };
      const { text, parameters } = listStatement(query, spans, order, limit + 1);
      const rows = await askRows(MovementRow, run(text, parameters), left(deadline));
      const compare = isNewest ? laterFirst : earlierFirst;
      const edge = edgeOf(spans, compare, isNewest);
      // Behind the edge some partition may have movements that nobody looked at yet.
      const seen = edge === null ? rows : rows.filter((row) => compare(keyOf(row), edge) <= 0);
      const items = seen.slice(0, limit);
      const last = items.at(-1);
      const end = seen.length > limit && last !== undefined ? keyOf(last) : edge;
      return { items, nextCursor: end === null ? null : cursorOf(end) };
    },

    async movementSpans(filter, deadline) {
      return spansOf(filter, nowhere, [false, null], deadline);
    },

    async movementsIn(filter, { partition, first, last }, deadline) {
      const isScan = !isIndexed(filter);
      const end = isScan ? Math.min(last, first + scannedMax - 1) : last;
      const span = { partition, first, last: end };
      const { text, parameters } = listStatement(filter, [span], "oldest", LEDGER_ROWS_MAX);
      const rows = await askRows(MovementRow, run(text, parameters), left(deadline));
      const isFull = rows.length === LEDGER_ROWS_MAX;
      const reached = isFull ? (rows.at(-1)?.seq ?? end) : end;
      return {
        movements: rows,
        rest: reached < last ? { partition, first: reached + 1, last } : null,
      };
    },

    async putAwayUntil(partition, deadline) {
      const statement = run(putAwayText, [partition]);
      return (await askRow(PutAwayRow, statement, left(deadline))).putAwayUntil;
    },

    async stockAt({ productId, partition, at }, deadline) {
      const statement = run(stockAtText, [productId, partition, at]);
      const { unsure, ...stock } = await askRow(StockAtRow, statement, left(deadline));
      if (!unsure) return stock;
      const message = "a movement of this product is in quarantine: what was there is not known";
      throw new Fault("ledger_unavailable", message);
    },
  };
}

const nowhere: [null, null, null] = [null, null, null];

const keyOf = ({ at, partition, seq }: Movement): Key => [at, partition, seq];

const earlierFirst = (one: Key, other: Key): number =>
  one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
const laterFirst = (one: Key, other: Key): number => earlierFirst(other, one);

/** The key up to which every partition was looked at; null where all of them were, to their end. */
function edgeOf(
  spans: readonly SpanRow[],
  compare: (one: Key, other: Key) => number,
  isNewest: boolean,
): Key | null {
  const edges = spans.flatMap(({ partition, edge, first, last }): Key[] =>
    edge === null ? [] : [[edge, partition, isNewest ? first : last]],
  );
  return edges.toSorted(compare)[0] ?? null;
}
