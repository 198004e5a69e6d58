/**
 * The same server without Redis: contract A's reserve, its edge, validation and answer, over one
 * statement of PostgreSQL. Takes `connections:port` of each pool to serve.
 */
import postgres from "postgres";
import { createApp } from "#http/app";
import { randomId } from "#lib/ids";
import { processClock } from "#lib/clock";
import { appOptions, config, listen } from "./app-options.ts";
import {
  incomingOfNothing,
  ledgerOfNothing,
  noEvents,
  noPseudonymizations,
  noReports,
  PostgresStockStore,
  countRunsOfNothing,
  runsOfNothing,
} from "./postgres-store.ts";

const GENERATION_LENGTH = 8;
/** Pools that are not under load give their connections back. */
const IDLE_SECONDS_MAX = 2;

if (config.databaseUrl === undefined) throw new Error("postgres-reserve.ts needs DATABASE_URL");
for (const pair of Bun.argv.slice(2)) {
  const [connections, port] = pair.split(":").map(Number);
  if (connections === undefined || port === undefined) throw new Error(`${pair}: not a pool`);
  const sql = postgres(config.databaseUrl, {
    max: connections,
    idle_timeout: IDLE_SECONDS_MAX,
    prepare: true,
  });
  const app = createApp({
    ...(await appOptions()),
    deps: {
      store: new PostgresStockStore(sql),
      ledger: ledgerOfNothing,
      incoming: incomingOfNothing,
      reconcileRuns: runsOfNothing,
      countRuns: countRunsOfNothing,
      ...noEvents,
      pseudonymizations: noPseudonymizations,
      recoveryReports: noReports,
      clock: processClock,
      policy: {
        reservationMinutes: config.reservationMinutes,
        onExpired: "reject",
        reservationMinutesMax: config.reservationMinutesMax,
      },
      newGeneration: () => randomId(GENERATION_LENGTH),
    },
  });
  listen(app, port);
}
