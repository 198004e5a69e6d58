/** Counts by the ten thousand: taken here, put right by a worker. */
import { contextOf, createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { refuse, replayHeader, reply, send } from "#http/reply";
import { keyReused } from "#http/routes/refusals";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { createValidators, validate } from "#http/validate";
import {
  CountRun,
  CountRunAsked,
  CountRunBody,
  CountRunErrorsQuery,
  countRunOf,
  CountRunQuery,
  CountRuns,
  CountRunsQuery,
  countRowsOf,
  countsOfCsv,
  refusalOfRun,
  CountRunTable,
  listedCountRunOf,
} from "#http/wire/count-runs";
import { RunParam } from "#http/wire/reconcile";
import { startCountRun } from "#inventory/start-count-run";

const { validateBodyOrCsv } = createValidators(refusalOfRun);

export function startCountRunRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.countRuns,
    summary: "Take up to 100 000 counts as JSON or CSV, for a worker to put right",
    notes:
      "What is wished for stands in the query. Without `commit=true` nothing changes: the run tells which rows would be refused. A body above 256 KiB must declare its length.",
    answers: { 202: CountRunAsked },
    headers: ["Location"],
    refusals: ["too_many_items", "rate_limited"],
    roles: ADMIN,
    mutation: true,
    inLedgerAlone: true,
    file: true,
    handlers: createHandlers(
      validate("query", CountRunQuery),
      validateBodyOrCsv(CountRunBody, CountRunTable, countsOfCsv),
      async (c) => {
        const { commit, errorPolicy, reference = null } = c.req.valid("query");
        const rows = await countRowsOf(c.req.valid("json").counts);
        const input = { rows, errorPolicy, commit: commit === "true", reference };
        const outcome = await startCountRun(deps, contextOf(c), input);
        if (outcome.kind === "key_reused") return send(c, keyReused(c));
        if (outcome.kind === "too_many_open") {
          return refuse(c, "rate_limited", "too many runs of counts have not ended: wait for one");
        }
        const { id } = outcome.run;
        const location = PATHS.countRun.replace(":runId", id);
        return reply(c, 202, { id }, { location, ...replayHeader(outcome.replayed) });
      },
    ),
  });
}

export function countRunsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.countRuns,
    summary: "Runs of counts, newest first, without the rows that were refused",
    answers: { 200: CountRuns },
    roles: ADMIN,
    handlers: createHandlers(validate("query", CountRunsQuery), async (c) => {
      const { cursor, limit } = c.req.valid("query");
      const { inner, outer } = cursorsOf(PATHS.countRuns, {}, cursor);
      const page = await deps.countRuns.list(inner, limit, c.get("request").deadline);
      const runs = page.items.map(listedCountRunOf);
      return reply(c, 200, { runs, nextCursor: outer(page.nextCursor) });
    }),
  });
}

export function countRunRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.countRun,
    summary: "A run of counts: how far it is, and a page of the rows that were refused",
    answers: { 200: CountRun },
    refusals: ["run_not_found"],
    roles: ADMIN,
    handlers: createHandlers(
      validate("param", RunParam),
      validate("query", CountRunErrorsQuery),
      async (c) => {
        const { runId } = c.req.valid("param");
        const { cursor, limit } = c.req.valid("query");
        const { deadline } = c.get("request");
        const run = await deps.countRuns.read(runId, deadline);
        if (run === null) return refuse(c, "run_not_found", `there is no run ${runId}`);
        const errors = await deps.countRuns.errors(runId, cursor, limit, deadline);
        return reply(c, 200, countRunOf(run, errors, limit));
      },
    ),
  });
}
