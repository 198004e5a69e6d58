/** The comparisons that were asked for, and how far they are. */
import { z } from "zod";
import { ProductId } from "#inventory/model";
import {
  DIFFERENCE_KINDS,
  LEFT_OUT_REASONS,
  RECONCILE_MODES,
  RUN_STATUSES,
  type ReconcileRunTable,
} from "#inventory/reconcile-ports";
import type { Clock } from "#lib/clock";
import { askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { cursorOf, readCursor, rowsOf } from "#postgres/page-cursor";
import askText from "./statements/reconcile-ask.sql" with { type: "text" };
import runsText from "./statements/reconcile-runs.sql" with { type: "text" };

const ANSWER_MS_MAX = 7_000;
/** Runs that wait; with more of them nobody looks at what they find. */
const WAITING_MAX = 1_000;
/** A report as it is, and one without the differences that may be a thousand. */
const WHOLE = "report";
const COUNTS = "jsonb_set(report, '{differences}', '[]')";
/** Runs that have not ended, for all who ask; each compares for itself, one after the other. */
const RUNS_OPEN_MAX = 50;
/** Seldom is a step so long: its worker has died, or is woken for what it has at hand already. */
const STILL_MS = 60_000;

const DifferenceJson = z.object({
  kind: z.enum(DIFFERENCE_KINDS),
  partition: z.int(),
  productId: z.string().nullable(),
  location: z.string().nullable(),
  reservationId: z.string().nullable(),
  redis: z.string().nullable(),
  ledger: z.string().nullable(),
  cause: z.string(),
  repaired: z.boolean(),
});
const ReportJson = z.object({
  checked: z.object({
    products: z.int(),
    levels: z.int(),
    holds: z.int(),
    movements: z.int(),
  }),
  differences: z.array(DifferenceJson),
  differenceCount: z.int(),
  /** Runs of earlier versions knew of none. */
  explained: z.int().default(0),
  leftOutCount: z.int().default(0),
  leftOut: z
    .array(z.object({ partition: z.int(), limit: z.string(), why: z.enum(LEFT_OUT_REASONS) }))
    .default([]),
  unknownProductIds: z.array(z.string()).default([]),
  quarantined: z.int(),
  /** As those before it. */
  quarantine: z.array(z.object({ partition: z.int(), seq: z.int() })).default([]),
});

const RunRow = z.object({
  id: z.string(),
  status: z.enum(RUN_STATUSES),
  mode: z.enum(RECONCILE_MODES),
  scope: z.union([
    z.object({ kind: z.literal("all") }),
    z.object({ kind: z.literal("partition"), partition: z.int() }),
    z.object({ kind: z.literal("products"), productIds: z.array(ProductId) }),
  ]),
  askedBy: z.string(),
  askedAt: z.int(),
  startedAt: z.int().nullable(),
  finishedAt: z.int().nullable(),
  progress: z.int(),
  report: ReportJson.nullable(),
  error: z.string().nullable(),
  place: z.int(),
});
/** When the last run of a page was asked for, in microseconds, and its id. */
const RunCursor = z.tuple([z.int(), z.string().max(64)]);
const AskedRow = z.object({ payload: z.string(), made: z.boolean(), isFull: z.boolean() });
const IdRow = z.object({ id: z.string() });
const AttemptRow = z.object({ attempt: z.int() });
const MendedRow = z.object({ name: z.string(), difference: DifferenceJson.nullable() });

/** `clock` is the one that callers' deadlines are on. */
export function createRunsTable(sql: Sql, clock: Clock): ReconcileRunTable {
  const rows = async (
    which: string,
    parameters: (string | number | null)[],
    msMax: number,
    report = WHOLE,
  ) => {
    const text = runsText.replace("/* which */", which).replace("/* report */", report);
    const statement = () => sql.unsafe(text, parameters, { prepare: false });
    return await askRows(RunRow, statement, msMax);
  };
  const changed = async (text: string, parameters: (string | number | null)[]) => {
    const statement = () => sql.unsafe(text, parameters, { prepare: false });
    return (await askRows(IdRow, statement, ANSWER_MS_MAX)).length > 0;
  };
  return {
    async ask({ id, scope, mode, payload, askedBy }, deadline) {
      const parameters = [id, JSON.stringify(scope), mode, payload, askedBy, RUNS_OPEN_MAX];
      const statement = () => sql.unsafe(askText, parameters, { prepare: false });
      // Of two copies at once, one waits for the other, and its snapshot does not have what it made.
      let answered: z.output<typeof AskedRow>[] = [];
      while (answered.length === 0)
        answered = await askRows(AskedRow, statement, deadline - clock.now());
      const [row] = answered;
      if (row?.isFull === true) return "full";
      return row?.payload === payload ? { made: row.made } : null;
    },
    async read(id, deadline) {
      const [run] = await rows("WHERE id = $1", [id], deadline - clock.now());
      return run ?? null;
    },
    async list(cursor, limit, deadline) {
      const after = cursor === null ? [null, null] : readCursor(RunCursor, cursor);
      const which = `WHERE $1::bigint IS NULL OR (asked_at, id)
          < (to_timestamp(0) + $1::bigint * interval '1 microsecond', $2::text COLLATE "C")
        ORDER BY asked_at DESC, id DESC LIMIT $3`;
      const items = await rows(which, [...after, rowsOf(limit)], deadline - clock.now(), COUNTS);
      const last = items.at(-1);
      const isLast = last === undefined || items.length < limit;
      return { items, nextCursor: isLast ? null : cursorOf([last.place, last.id]) };
    },
    async waiting() {
      const text = `SELECT id FROM reconcile_runs WHERE status = 'queued' OR status = 'running'
          AND coalesce(progressed_at, started_at) < now() - $2 * interval '1 millisecond'
        ORDER BY asked_at LIMIT $1`;
      const statement = () => sql.unsafe(text, [WAITING_MAX, STILL_MS], { prepare: false });
      return (await askRows(IdRow, statement, ANSWER_MS_MAX)).map(({ id }) => id);
    },
    async begin(id) {
      const text = `UPDATE reconcile_runs SET status = 'running', started_at = now(), progress = 0,
        progressed_at = now(), attempt = attempt + 1
        WHERE id = $1 AND status IN ('queued', 'running') RETURNING attempt`;
      const statement = () => sql.unsafe(text, [id], { prepare: false });
      const [begun] = await askRows(AttemptRow, statement, ANSWER_MS_MAX);
      const [run] = await rows("WHERE id = $1 AND status = 'running'", [id], ANSWER_MS_MAX);
      if (begun === undefined || run === undefined) return null;
      const noted = `SELECT name, difference FROM reconcile_mended WHERE run_id = $1`;
      const read = () => sql.unsafe(noted, [id], { prepare: false });
      const mended = await askRows(MendedRow, read, ANSWER_MS_MAX);
      const byName = mended.map(({ name, difference }) => [name, difference] as const);
      return { ...run, ...begun, mended: new Map(byName) };
    },
    progress: ({ id, attempt }, percent, report) =>
      changed(
        `UPDATE reconcile_runs SET progress = $3, progressed_at = now(), report = $4::text::jsonb
          WHERE ${UNDER_WAY} RETURNING id`,
        [id, attempt, percent, JSON.stringify(report)],
      ),
    noteMended: ({ id, attempt }, name, difference) =>
      changed(
        `WITH run AS (SELECT id FROM reconcile_runs WHERE ${UNDER_WAY} FOR SHARE), noted AS (
            INSERT INTO reconcile_mended (run_id, name, difference)
            SELECT id, $3, $4::text::jsonb FROM run ON CONFLICT DO NOTHING
          )
          SELECT id FROM run`,
        [id, attempt, name, difference === null ? null : JSON.stringify(difference)],
      ),
    withdrawMended: ({ id, attempt }, name) =>
      changed(
        `WITH run AS (SELECT id FROM reconcile_runs WHERE ${UNDER_WAY} FOR SHARE), withdrawn AS (
            DELETE FROM reconcile_mended USING run WHERE run_id = run.id AND name = $3
          )
          SELECT id FROM run`,
        [id, attempt, name],
      ),
    putBack: ({ id, attempt }) =>
      changed(
        `UPDATE reconcile_runs SET status = 'queued', started_at = NULL
          WHERE ${UNDER_WAY} RETURNING id`,
        [id, attempt],
      ),
    complete: ({ id, attempt }, report) =>
      changed(ending(`status = 'completed', progress = 100, report = $3::text::jsonb`), [
        id,
        attempt,
        JSON.stringify(report),
      ]),
    fail: ({ id, attempt }, error, report) =>
      changed(ending(`status = 'failed', error = $3, report = coalesce($4::text::jsonb, report)`), [
        id,
        attempt,
        error,
        report === null ? null : JSON.stringify(report),
      ]),
  };
}

const UNDER_WAY = "id = $1 AND attempt = $2 AND status = 'running'";

/** What was noted while it went on is in its report then. */
const ending = (set: string): string => `WITH ended AS (
    UPDATE reconcile_runs SET finished_at = now(), ${set} WHERE ${UNDER_WAY} RETURNING id
  ), forgotten AS (
    DELETE FROM reconcile_mended USING ended WHERE run_id = ended.id
  )
  SELECT id FROM ended`;
