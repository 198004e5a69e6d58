/**
 * The same server over another store: contract A's reserve, its edge, validation and answer. Takes
 * `rival:port`, one server each: `postgres-N` and `transaction-N` have a pool of N connections.
 */
import { Redis } from "ioredis";
import postgres from "postgres";
import { createApp } from "#http/app";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { appOptions, config, listen } from "./app-options.ts";
import {
  countRunsOfNothing,
  incomingOfNothing,
  ledgerOfNothing,
  noEvents,
  noPseudonymizations,
  noReports,
  runsOfNothing,
  waitlistOfNothing,
} from "./rivals/nothing.ts";
import { PostgresStatement, PostgresTransaction } from "./rivals/postgres.ts";
import { RedisScript, RedisScriptAndJob } from "./rivals/redis.ts";
import type { ReserveOnly } from "./rivals/reserve-only.ts";

const GENERATION_LENGTH = 8;
/** Pools that are not under load give their connections back. */
const IDLE_SECONDS_MAX = 2;

const STORES: Readonly<Record<string, (connections: number) => ReserveOnly>> = {
  postgres: (connections) => new PostgresStatement(pool(connections)),
  transaction: (connections) => new PostgresTransaction(pool(connections)),
  script: () => new RedisScript(redis()),
  job: () => new RedisScriptAndJob(redis(), redis()),
};

function pool(max: number): postgres.Sql {
  if (config.databaseUrl === undefined) throw new Error("a rival needs DATABASE_URL");
  return postgres(config.databaseUrl, { max, idle_timeout: IDLE_SECONDS_MAX, prepare: true });
}

function redis(): Redis {
  if (config.redisUrl === undefined) throw new Error("a rival needs REDIS_URL");
  return new Redis(config.redisUrl, { maxRetriesPerRequest: null });
}

for (const pair of Bun.argv.slice(2)) {
  const [, name = "", connections = "0", port] = /^(\w+?)(?:-(\d+))?:(\d+)$/.exec(pair) ?? [];
  const store = STORES[name]?.(Number(connections));
  if (store === undefined || port === undefined) throw new Error(`${pair}: no rival`);
  const app = createApp({
    ...(await appOptions()),
    deps: {
      store,
      waitlist: waitlistOfNothing,
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
        extensionsMax: config.extensionsMax,
      },
      newGeneration: () => randomId(GENERATION_LENGTH),
    },
  });
  listen(app, Number(port));
}
