/** Counts that come by the ten thousand: what was sent, how far it is, and what was refused. */
import { z } from "zod";
import {
  COUNT_PASSES,
  COUNT_RUN_STATUSES,
  ERROR_POLICIES,
  type CountPass,
  type CountRow,
  type CountRowError,
  type CountRun,
  type NewCountRun,
} from "#inventory/count-run-ports";
import { Location, ProductId, StockCount } from "#inventory/model";
import type { Page } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { cursorOf, readCursor, rowsOf } from "#postgres/page-cursor";
import advanceText from "./statements/count-run-advance.sql" with { type: "text" };
import askText from "./statements/count-run-ask.sql" with { type: "text" };
import runText from "./statements/count-runs.sql" with { type: "text" };

/** Rows that are worked on, and noted as done, together. */
export const CHUNK_ROWS = 500;
const ANSWER_MS_MAX = 7_000;
/** Runs that have not ended, an hour's work if each is as long as it may be; see `ask`. */
const COUNT_RUNS_OPEN_MAX = 50;
/** Runs that wait and are looked for together: more than there are. */
const OPEN_MAX = 1_000;

const RunRow = z.object({
  id: z.string(),
  status: z.enum(COUNT_RUN_STATUSES),
  pass: z.enum(COUNT_PASSES),
  errorPolicy: z.enum(ERROR_POLICIES),
  commit: z.boolean(),
  reference: z.string().nullable(),
  askedBy: z.string(),
  askedAt: z.int(),
  startedAt: z.int().nullable(),
  finishedAt: z.int().nullable(),
  rows: z.int(),
  done: z.int(),
  succeeded: z.int(),
  differing: z.int(),
  nextChunk: z.int(),
  tries: z.int(),
  error: z.string().nullable(),
  /** Microseconds, as the order of the list has them. */
  place: z.int(),
});
/** `line` is missing from what an earlier version kept. */
const Place = { row: z.int(), line: z.int().nullable().default(null) };
const Name = z.string().nullable().default(null);
/** Of the last run of a page. */
const RunCursor = z.tuple([z.int(), z.string().max(64)]);
const Rows = z.array(
  z.union([
    z.object({
      ...Place,
      productId: ProductId,
      location: Location.nullable(),
      quantity: StockCount,
      countedAt: z.int(),
    }),
    z.object({ ...Place, productId: Name, location: Name, wrong: z.string() }),
  ]),
);
const ErrorRow = z.object({
  row: z.int(),
  line: z.int().nullable(),
  productId: z.string().nullable(),
  location: z.string().nullable(),
  code: z.string(),
  message: z.string(),
});
const AskedRow = z.object({ payload: z.string(), made: z.boolean(), isFull: z.boolean() });
const IdRow = z.object({ id: z.string() });
const ChunkRow = z.object({ rows: z.string() });

/** What came of a chunk. */
export interface ChunkDone {
  readonly rows: number;
  readonly succeeded: number;
  readonly differing: number;
  readonly errors: readonly CountRowError[];
}

export interface CountRunsTable {
  /** Notes it, unless it is there, or there is no room for one more. */
  ask(run: NewCountRun, deadline: number): Promise<"made" | "known" | "key_reused" | "full">;
  /** Newest first. */
  list(cursor: string | null, limit: number, deadline: number): Promise<Page<CountRun>>;
  read(id: string, deadline: number): Promise<CountRun | null>;
  errors(
    id: string,
    after: number,
    limit: number,
    deadline: number,
  ): Promise<readonly CountRowError[]>;
  /** Ids of runs that have not ended, oldest first. */
  open(): Promise<readonly string[]>;
  /** A run that begins, or goes on where it was; null: it has ended, or never was. */
  begin(id: string): Promise<CountRun | null>;
  chunk(id: string, number: number): Promise<readonly CountRow[]>;
  /** False: somebody else has noted that chunk. */
  advance(id: string, pass: CountPass, number: number, done: ChunkDone): Promise<boolean>;
  /** From the check, which refused nothing, to the pass that changes stock. */
  apply(id: string): Promise<void>;
  /** The chunk at hand was tried in vain; `why` is told until it succeeds. */
  setBack(id: string, why: string): Promise<void>;
  end(id: string, status: "completed" | "rejected" | "failed", why: string | null): Promise<void>;
}

/** `clock` is the one that callers' deadlines are on. */
export function createCountRunsTable(sql: Sql, clock: Clock): CountRunsTable {
  type Parameters = (string | number | boolean | null)[];
  const run = (text: string, parameters: Parameters) => () =>
    sql.unsafe(text, parameters, { prepare: false });
  const change = async (text: string, parameters: Parameters): Promise<void> => {
    await ask(run(text, parameters), ANSWER_MS_MAX);
  };
  const rowsWhich = async (which: string, parameters: Parameters, msMax: number) =>
    await askRows(RunRow, run(runText.replace("/* which */", which), parameters), msMax);
  const read = async (id: string, msMax: number): Promise<CountRun | null> => {
    const [found] = await rowsWhich("WHERE id = $1", [id], msMax);
    return found ?? null;
  };
  return {
    async ask({ id, errorPolicy, commit, reference, payload, askedBy, rows }, deadline) {
      const pass = commit && errorPolicy === "reject_failed" ? "apply" : "check";
      const chunks = Array.from({ length: Math.ceil(rows.length / CHUNK_ROWS) }, (_, number) =>
        rows.slice(number * CHUNK_ROWS, (number + 1) * CHUNK_ROWS),
      );
      const wish = [id, pass, errorPolicy, commit, reference, payload, askedBy, rows.length];
      const statement = run(askText, [...wish, JSON.stringify(chunks), COUNT_RUNS_OPEN_MAX]);
      // Of two copies at once, one waits for the other, and its snapshot does not have what it made.
      let answered: z.output<typeof AskedRow>[] = [];
      while (answered.length === 0)
        answered = await askRows(AskedRow, statement, deadline - clock.now());
      const [row] = answered;
      if (row === undefined || row.isFull) return "full";
      if (row.payload !== payload) return "key_reused";
      return row.made ? "made" : "known";
    },
    async list(cursor, limit, deadline) {
      const after = cursor === null ? [null, null] : readCursor(RunCursor, cursor);
      const which = `WHERE $1::bigint IS NULL OR (asked_at, id)
          < (to_timestamp(0) + $1::bigint * interval '1 microsecond', $2::text COLLATE "C")
        ORDER BY asked_at DESC, id DESC LIMIT $3`;
      const rows = await rowsWhich(which, [...after, rowsOf(limit)], deadline - clock.now());
      const last = rows.at(-1);
      const isLast = last === undefined || rows.length < limit;
      return { items: rows, nextCursor: isLast ? null : cursorOf([last.place, last.id]) };
    },
    read: (id, deadline) => read(id, deadline - clock.now()),
    async errors(id, after, limit, deadline) {
      const text = `SELECT row, line, product_id AS "productId", location, code, message
        FROM count_run_errors WHERE run_id = $1 AND row > $2 ORDER BY row LIMIT $3`;
      return await askRows(ErrorRow, run(text, [id, after, limit]), deadline - clock.now());
    },
    async open() {
      const text = `SELECT id FROM count_runs WHERE status IN ('queued', 'running')
        ORDER BY asked_at LIMIT $1`;
      return (await askRows(IdRow, run(text, [OPEN_MAX]), ANSWER_MS_MAX)).map(({ id }) => id);
    },
    async begin(id) {
      const text = `UPDATE count_runs
        SET status = 'running', started_at = coalesce(started_at, now())
        WHERE id = $1 AND status IN ('queued', 'running') RETURNING id`;
      const begun = await askRows(IdRow, run(text, [id]), ANSWER_MS_MAX);
      return begun.length === 0 ? null : await read(id, ANSWER_MS_MAX);
    },
    async chunk(id, number) {
      const text = "SELECT rows FROM count_run_chunks WHERE run_id = $1 AND number = $2";
      const [found] = await askRows(ChunkRow, run(text, [id, number]), ANSWER_MS_MAX);
      return found === undefined ? [] : Rows.parse(JSON.parse(found.rows));
    },
    async advance(id, pass, number, { rows, succeeded, differing, errors }) {
      const parameters = [id, pass, number, rows, succeeded, differing, JSON.stringify(errors)];
      const noted = await askRows(IdRow, run(advanceText, parameters), ANSWER_MS_MAX);
      return noted.length > 0;
    },
    apply: (id) =>
      change(
        `UPDATE count_runs
          SET pass = 'apply', next_chunk = 0, done = 0, succeeded = 0, differing = 0
          WHERE id = $1 AND status = 'running' AND pass = 'check' AND done = succeeded`,
        [id],
      ),
    setBack: (id, why) =>
      change(
        `UPDATE count_runs SET tries = tries + 1, error = $2
          WHERE id = $1 AND status = 'running'`,
        [id, why],
      ),
    end: (id, status, why) =>
      change(
        `WITH ended AS (
          UPDATE count_runs SET status = $2, finished_at = now(), error = $3
          WHERE id = $1 AND status = 'running' RETURNING id
        )
        DELETE FROM count_run_chunks WHERE run_id = (SELECT id FROM ended)`,
        [id, status, why],
      ),
  };
}
