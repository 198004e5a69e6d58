/** The comparisons that were asked for, and how far they are. */
import { z } from "zod";
import { Location, ProductId } from "#inventory/model";
import {
  DIFFERENCE_KINDS,
  RECONCILE_MODES,
  RUN_STATUSES,
  type ReconcileRun,
  type ReconcileRunTable,
} from "#inventory/reconcile-ports";
import type { Clock } from "#lib/clock";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import askText from "./statements/reconcile-ask.sql" with { type: "text" };
import runsText from "./statements/reconcile-runs.sql" with { type: "text" };

const ANSWER_MS_MAX = 7_000;
/** Runs that wait; with more of them nobody looks at what they find. */
const WAITING_MAX = 1_000;
/** A report as it is, and one without the differences that may be a thousand. */
const WHOLE = "report";
const COUNTS = "jsonb_set(report, '{differences}', '[]')";
/** Seldom is a step so long: its worker has died, or is woken for what it has at hand already. */
const STILL_MS = 60_000;

const ReportJson = z.object({
  checked: z.object({
    products: z.int(),
    levels: z.int(),
    holds: z.int(),
    movements: z.int(),
  }),
  differences: z.array(
    z.object({
      kind: z.enum(DIFFERENCE_KINDS),
      partition: z.int(),
      productId: z.string().nullable(),
      location: Location.nullable(),
      reservationId: z.string().nullable(),
      redis: z.string().nullable(),
      ledger: z.string().nullable(),
      cause: z.string(),
      repaired: z.boolean(),
    }),
  ),
  differenceCount: z.int(),
  /** Runs of earlier versions knew of none. */
  explained: z.int().default(0),
  quarantined: z.int(),
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
});
const AskedRow = z.object({ payload: z.string(), made: z.boolean() });
const IdRow = z.object({ id: z.string() });

/** `clock` is the one that callers' deadlines are on. */
export function createRunsTable(sql: Sql, clock: Clock): ReconcileRunTable {
  const rows = async (
    which: string,
    parameters: (string | number)[],
    msMax: number,
    report = WHOLE,
  ) => {
    const text = runsText.replace("/* which */", which).replace("/* report */", report);
    const statement = () => sql.unsafe(text, parameters, { prepare: false });
    return (await askRows(RunRow, statement, msMax)) satisfies ReconcileRun[];
  };
  const change = async (text: string, parameters: (string | number)[]): Promise<void> => {
    await ask(() => sql.unsafe(text, parameters, { prepare: false }), ANSWER_MS_MAX);
  };
  return {
    async ask({ id, scope, mode, payload, askedBy }, deadline) {
      const parameters = [id, JSON.stringify(scope), mode, payload, askedBy];
      const statement = () => sql.unsafe(askText, parameters, { prepare: false });
      // Of two copies at once, one waits for the other, and its snapshot does not have what it made.
      let answered: z.output<typeof AskedRow>[] = [];
      while (answered.length === 0)
        answered = await askRows(AskedRow, statement, deadline - clock.now());
      const [row] = answered;
      return row?.payload === payload ? { made: row.made } : null;
    },
    async read(id, deadline) {
      const [run] = await rows("WHERE id = $1", [id], deadline - clock.now());
      return run ?? null;
    },
    async list(limit, deadline) {
      const which = "ORDER BY asked_at DESC, id LIMIT $1";
      return await rows(which, [limit], deadline - clock.now(), COUNTS);
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
        progressed_at = now(), report = NULL WHERE id = $1 AND status IN ('queued', 'running')`;
      await change(text, [id]);
      const [run] = await rows("WHERE id = $1 AND status = 'running'", [id], ANSWER_MS_MAX);
      return run ?? null;
    },
    progress: (id, percent, report) =>
      change(
        `UPDATE reconcile_runs SET progress = $2, progressed_at = now(), report = $3::text::jsonb
          WHERE id = $1 AND status = 'running'`,
        [id, percent, JSON.stringify(report)],
      ),
    putBack: (id) =>
      change(
        `UPDATE reconcile_runs SET status = 'queued', started_at = NULL
          WHERE id = $1 AND status = 'running'`,
        [id],
      ),
    complete: (id, report) =>
      change(
        `UPDATE reconcile_runs SET status = 'completed', finished_at = now(), progress = 100,
          report = $2::text::jsonb WHERE id = $1`,
        [id, JSON.stringify(report)],
      ),
    fail: (id, error) =>
      change(
        `UPDATE reconcile_runs SET status = 'failed', finished_at = now(), error = $2
          WHERE id = $1`,
        [id, error],
      ),
  };
}
