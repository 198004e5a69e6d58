/** `start`: the service in one of its roles. */
import { parseArgs } from "node:util";
import { serveApi, serveWorker, type Place, type Sharing } from "#compose/api";
import { COMPANIONS } from "#compose/companion-settings";
import { contractsOf, namesOf } from "#compose/contracts";
import { mustBeFree, portOf } from "#compose/port";
import { openRegistry } from "#compose/registry";
import { limitsText } from "#compose/request-limits";
import { openServers } from "#compose/servers";
import { openStores, type Urls } from "#compose/stores";
import { startWatch } from "#compose/watch";
import { startWorker } from "#compose/worker";
import { loadSampleData } from "#compose/sample-data";
import type { Config } from "#config";
import { processClock } from "#lib/clock";
import { nextOf } from "#lib/cron";
import { createLog, type Log } from "#lib/log";
import { createMetrics, type Metrics } from "#lib/metrics";
import { createShutdown, type Shutdown } from "#lib/shutdown";

export const START_ROLES = ["all", "api", "worker"] as const;
export type StartRole = (typeof START_ROLES)[number];

/** Processes of one start; a machine has no more processors to keep busy with them. */
const WORKERS_MAX = 64;

/** A command line of `start` that cannot be understood. */
export class StartUsageError extends Error {}

export interface StartOptions {
  readonly role: StartRole;
  /** Processes that serve the API on one port. */
  readonly workers: number;
  /** Which of them this process is; null for what a person starts. */
  readonly process: number | null;
}

/** Throws a StartUsageError that names what is wrong. */
export function startOptions(args: readonly string[]): StartOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { workers: { type: "string" }, process: { type: "string" } },
    allowPositionals: true,
    strict: false,
  });
  const { workers, process, ...others } = values;
  const [given = "all", ...more] = positionals;
  const unknown = [...Object.keys(others).map((name) => `--${name}`), ...more];
  if (unknown.length > 0) throw new StartUsageError(unexpected(unknown));
  const role = START_ROLES.find((name) => name === given);
  if (!role) {
    const known = [...START_ROLES, ...COMPANIONS].join(", ");
    throw new StartUsageError(`start takes ${known}, not ${given}`);
  }
  if (role !== "api" && (workers ?? process) !== undefined) {
    throw new StartUsageError(`--workers is for the role api, not for ${role}`);
  }
  return {
    role,
    workers: workers === undefined ? 1 : countOf("workers", workers),
    process: process === undefined ? null : countOf("process", process),
  };
}

function countOf(name: string, value: string | boolean): number {
  const count = Number(value);
  if (/^\d{1,3}$/.test(`${value}`) && count >= 1 && count <= WORKERS_MAX) return count;
  const not = typeof value === "string" ? `, not ${value}` : "";
  throw new StartUsageError(`--${name} takes a whole number from 1 to ${WORKERS_MAX}${not}`);
}

/** What is said of words that a command does not know. */
export function unexpected(args: readonly string[]): string {
  const settings = "settings are environment variables, such as PORT=3004 (see .env.example)";
  return `unexpected: ${args.join(" ")}; ${settings}`;
}

/** Serves until it is told to stop; everything it started has ended then. */
export async function runStart(config: Config, role: StartRole): Promise<void> {
  const startedAt = performance.now();
  // Before anything is opened: what is refused must have begun nothing.
  mustBeFree(portOf(config, role));
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const shutdown = createShutdown({ log, graceMs: config.shutdownGraceMs });
  shutdown.arm();
  for (const warning of config.warnings) log.warn("configuration", warning);
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  // First of all: who starts now must not join servers that are about to go.
  shutdown.add("invitation", () => servers.withdraw());
  const place = await serveRole({
    config,
    role,
    servers,
    metrics: createMetrics(),
    log,
    shutdown,
  });
  shutdown.add("servers", () => servers.stop());
  void servers.lost.then((reason) => shutdown.stop(reason, 1));
  log.info(`Redis       ${servers.description.redis}`);
  log.info(`PostgreSQL  ${servers.description.postgres}`);
  if (role !== "api" && config.reconcileCron !== null) {
    const next = nextOf(config.reconcileCron, Date.now());
    const at = next === null ? "never" : new Date(next).toISOString();
    log.info(`comparison  of Redis and the ledger: next ${at} (RECONCILE_CRON)`);
  }
  const limits = role === "worker" ? null : limitsText(config);
  if (limits !== null) log.info(`limits      ${limits}`);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const words = role === "worker" ? "" : `, contracts ${namesOf(contractsOf(config))}`;
  log.info(`serving     role ${role}${words} on ${place.url} (after ${seconds} s)`);
  if (role !== "worker" && !config.production) log.info("a token:    bun run token --role admin");
}

export interface RoleOptions {
  readonly config: Config;
  readonly role: StartRole;
  readonly servers: Urls;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly shutdown: Shutdown;
  /** Given to one of several processes on one port. */
  readonly share?: { readonly sharing: Sharing; readonly connectionsMax: number };
}

/** What one process does in its role; the steps of its stop but for the servers are added. */
export async function serveRole(options: RoleOptions): Promise<Place> {
  const { config, role, servers, metrics, log, shutdown, share } = options;
  const { redisUrl, databaseUrl } = servers;
  const connectionsMax = share?.connectionsMax;
  const stores = await openStores({ redisUrl, databaseUrl, config, metrics, log, connectionsMax });
  if (config.sampleData && role !== "worker") {
    const made = await loadSampleData(stores.store, processClock);
    if (made > 0) log.info(`made ${made} sample products in the empty store`);
  }
  const watch = startWatch(stores, config, metrics, log);
  const contracts = contractsOf(config);
  const sharing = share?.sharing;
  const parts = { ...options, contracts, stores, watch, sharing };
  const registry = openRegistry(parts);
  // Before the listener: nobody new is sent here while it closes.
  shutdown.add("registry", () => registry.leave());
  const place = await (role === "worker" ? serveWorker(parts) : serveApi(parts));
  shutdown.add("registry's answer", () => registry.left());
  if (role !== "api") await startWorker({ ...parts, redisUrl, databaseUrl });
  shutdown.add("connections", () => {
    watch.stop();
    return stores.close();
  });
  if (role !== "worker") registry.join(place.port);
  return place;
}
