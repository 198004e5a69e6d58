/** Comparisons of Redis and the ledger: asked for here, run by a worker. */
import { contextOf, createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { refuse, replayHeader, reply, send } from "#http/reply";
import { keyReused } from "#http/routes/refusals";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateOptionalBody } from "#http/validate";
import {
  ReconcileAsked,
  ReconcileBody,
  ReconcileRun,
  ReconcileRuns,
  RunParam,
  runOf,
  RunsQuery,
  scopeOf,
} from "#http/wire/reconcile";
import { startReconcile } from "#inventory/start-reconcile";

export function startReconcileRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.reconcile,
    summary: "Compare Redis and the ledger, and mend what differs where that is asked for",
    notes:
      "The body names `productIds`, or a `partition`, or neither for all. A worker does it: ask `Location` how far it is.",
    answers: { 202: ReconcileAsked },
    headers: ["Location"],
    refusals: ["too_many_items", "rate_limited"],
    roles: ADMIN,
    mutation: true,
    inLedgerAlone: true,
    bulk: true,
    handlers: createHandlers(validateOptionalBody(ReconcileBody), async (c) => {
      const body = c.req.valid("json");
      const input = { scope: scopeOf(body), mode: body.mode };
      const outcome = await startReconcile(deps, contextOf(c), input);
      if (outcome.kind === "key_reused") return send(c, keyReused(c));
      if (outcome.kind === "too_many_open") {
        return refuse(c, "rate_limited", "too many comparisons have not ended: wait for one");
      }
      const { id } = outcome.run;
      const location = PATHS.reconcileRun.replace(":runId", id);
      return reply(c, 202, { id }, { location, ...replayHeader(outcome.replayed) });
    }),
  });
}

export function reconcileRunRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.reconcileRun,
    summary: "A comparison: how far it is, and what it found",
    answers: { 200: ReconcileRun },
    refusals: ["run_not_found"],
    roles: ADMIN,
    handlers: createHandlers(validate("param", RunParam), async (c) => {
      const { runId } = c.req.valid("param");
      const run = await deps.reconcileRuns.read(runId, c.get("request").deadline);
      if (run === null) return refuse(c, "run_not_found", `there is no run ${runId}`);
      return reply(c, 200, runOf(run));
    }),
  });
}

export function reconcileRunsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.reconcile,
    summary: "Comparisons, newest first, without what each found",
    answers: { 200: ReconcileRuns },
    roles: ADMIN,
    handlers: createHandlers(validate("query", RunsQuery), async (c) => {
      const { cursor, limit } = c.req.valid("query");
      const { inner, outer } = cursorsOf(PATHS.reconcile, {}, cursor);
      const page = await deps.reconcileRuns.list(inner, limit, c.get("request").deadline);
      const runs = page.items.map((run) => {
        const { differences: _differences, ...rest } = runOf(run);
        return rest;
      });
      return reply(c, 200, { runs, nextCursor: outer(page.nextCursor) });
    }),
  });
}
