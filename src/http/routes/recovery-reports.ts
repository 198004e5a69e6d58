/** What was rebuilt from the ledger, and what was acknowledged and is lost. */
import { createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { reply } from "#http/reply";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import {
  recoveryReportOf,
  RecoveryReports,
  RecoveryReportsQuery,
} from "#http/wire/recovery-reports";
import { mustHavePartition } from "#inventory/known-partition";

export function recoveryReportsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.recoveryReports,
    summary: "Rebuilds, and acknowledged operations that are lost, newest first, page by page",
    notes:
      "Of each report the first 500 operations are shown, and `operationCount` says how many there are.",
    answers: { 200: RecoveryReports },
    roles: ADMIN,
    handlers: createHandlers(validate("query", RecoveryReportsQuery), async (c) => {
      const { cursor, limit, ...filters } = c.req.valid("query");
      const { kind = null, partition = null } = filters;
      mustHavePartition(deps.store, partition);
      const { inner, outer } = cursorsOf(PATHS.recoveryReports, filters, cursor);
      const query = { kind, partition, cursor: inner, limit };
      const { items, nextCursor } = await deps.recoveryReports.list(
        query,
        c.get("request").deadline,
      );
      return reply(c, 200, { items: items.map(recoveryReportOf), nextCursor: outer(nextCursor) });
    }),
  });
}
