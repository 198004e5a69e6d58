/** `start`: the service in one of its roles. */
import { serveApi, serveWorker } from "#compose/api";
import { contractsOf, namesOf } from "#compose/contracts";
import { mustBeFree, portOf } from "#compose/port";
import { openRegistry } from "#compose/registry";
import { openServers } from "#compose/servers";
import { openStores } from "#compose/stores";
import { startWatch } from "#compose/watch";
import { startWorker } from "#compose/worker";
import { loadSampleData } from "#compose/sample-data";
import type { Config } from "#config";
import { processClock } from "#lib/clock";
import { nextOf } from "#lib/cron";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createShutdown } from "#lib/shutdown";

export const START_ROLES = ["all", "api", "worker"] as const;
export type StartRole = (typeof START_ROLES)[number];

/** Serves until it is told to stop; everything it started has ended then. */
export async function runStart(config: Config, role: StartRole): Promise<void> {
  const startedAt = performance.now();
  const contracts = contractsOf(config);
  // Before anything is opened: what is refused must have begun nothing.
  mustBeFree(portOf(config, role));
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const shutdown = createShutdown({ log, graceMs: config.shutdownGraceMs });
  shutdown.arm();
  for (const warning of config.warnings) log.warn("configuration", warning);
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  // First of all: who starts now must not join servers that are about to go.
  shutdown.add("invitation", () => servers.withdraw());
  const metrics = createMetrics();
  const stores = await openStores({ ...servers, config, metrics, log });
  if (config.sampleData && role !== "worker") {
    const made = await loadSampleData(stores.store, processClock);
    if (made > 0) log.info(`made ${made} sample products in the empty store`);
  }
  const watch = startWatch(stores, config, metrics, log);
  const parts = { ...servers, config, contracts, stores, watch, metrics, log, shutdown };
  const registry = openRegistry(parts);
  // Before the listener: nobody new is sent here while it closes.
  shutdown.add("registry", () => registry.leave());
  const place = await (role === "worker" ? serveWorker(parts) : serveApi(parts));
  shutdown.add("registry's answer", () => registry.left());
  if (role !== "api") await startWorker(parts);
  shutdown.add("connections", () => {
    watch.stop();
    return stores.close();
  });
  shutdown.add("servers", () => servers.stop());
  void servers.lost.then((reason) => shutdown.stop(reason, 1));
  if (role !== "worker") registry.join(place.port);
  log.info(`Redis       ${servers.description.redis}`);
  log.info(`PostgreSQL  ${servers.description.postgres}`);
  if (role !== "api" && config.reconcileCron !== null) {
    const next = nextOf(config.reconcileCron, Date.now());
    const at = next === null ? "never" : new Date(next).toISOString();
    log.info(`comparison  of Redis and the ledger: next ${at} (RECONCILE_CRON)`);
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const words = role === "worker" ? "" : `, contracts ${namesOf(contracts)}`;
  log.info(`serving     role ${role}${words} on ${place.url} (after ${seconds} s)`);
  if (role !== "worker" && !config.production) log.info("a token:    bun run token --role admin");
}
