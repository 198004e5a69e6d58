/** The services around the inventory, each as a process of its own. */
import type { Hono } from "hono";
import { cannotListen, mustBeFree, type Port } from "#compose/port";
import { openServers } from "#compose/servers";
import type { Config, VariableName } from "#config";
import { createRegistryApp } from "#companions/registry/app";
import { startEvicting } from "#companions/registry/evict";
import { Leases } from "#companions/registry/leases";
import { connectCompanionRedis } from "#companions/shell/redis";
import type { ShellEnv } from "#companions/shell/app";
import { createLog, type Log } from "#lib/log";
import { createShutdown, type Shutdown } from "#lib/shutdown";
import { version } from "#package.json";

export const COMPANIONS = ["registry"] as const;
export type CompanionName = (typeof COMPANIONS)[number];

export const isCompanion = (word: string | undefined): word is CompanionName =>
  COMPANIONS.some((name) => name === word);

/** What every companion reads of the environment; and what each reads beside that. */
const COMMON: readonly VariableName[] = [
  "NODE_ENV",
  "HOST",
  "DATA_DIR",
  "REDIS_URL",
  "SHUTDOWN_GRACE_MS",
  "LOG_LEVEL",
];
export const SETTINGS_OF: Readonly<Record<CompanionName, readonly VariableName[]>> = {
  registry: [...COMMON, "REGISTRY_PORT", "REGISTRY_PASSWORD"],
};

interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly redisUrl: string;
}

/** What a companion serves, and how what it does besides is ended. */
interface Companion {
  readonly app: Hono<ShellEnv>;
  readonly close: () => Promise<void>;
}

/** Serves until it is told to stop; everything it started has ended then. */
export async function runCompanion(name: CompanionName, config: Config): Promise<void> {
  const startedAt = performance.now();
  const { host } = config;
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const shutdown = createShutdown({ log, graceMs: config.shutdownGraceMs });
  shutdown.arm();
  const place = { host, ...portOf(name, config) };
  mustBeFree(place);
  const redisUrl = await redisUrlOf(config, log, shutdown);
  const { app, close } = OPEN[name]({ config, log, redisUrl: redisUrl.url });
  const server = listen(app, place);
  shutdown.add("listener", () => server.stop());
  shutdown.add("work and connections", close);
  shutdown.add("servers", () => redisUrl.stop());
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  log.info(`serving     ${name} on http://${host}:${server.port} (after ${seconds} s)`);
}

/** Above the longest answer, so that a slow caller is cut off by its own deadline. */
const IDLE_SECONDS_MAX = 30;

function listen(app: Hono<ShellEnv>, place: Port) {
  try {
    const { host: hostname, port } = place;
    return Bun.serve({ hostname, port, fetch: app.fetch, idleTimeout: IDLE_SECONDS_MAX });
  } catch (error) {
    throw cannotListen(place, error);
  }
}

function portOf(name: CompanionName, config: Config): Pick<Port, "port" | "variable"> {
  switch (name) {
    case "registry":
      return { port: config.registryPort, variable: "REGISTRY_PORT" };
  }
}

const OPEN: Readonly<Record<CompanionName, (parts: Parts) => Companion>> = {
  registry({ config, log, redisUrl }) {
    const redis = connectCompanionRedis(redisUrl, "registry");
    redis.on("error", (error: Error) => log.debug("connection to Redis", { error: error.message }));
    const leases = new Leases(redis);
    const eviction = startEvicting(leases, log);
    const app = createRegistryApp({ leases, version, log, password: config.registryPassword });
    const close = async (): Promise<void> => {
      await eviction.stop();
      redis.disconnect();
    };
    return { app, close };
  },
};

interface GivenOrOwn {
  readonly url: string;
  stop(): Promise<void>;
}

/** The Redis that is given, or one of our own, which others on this machine join. */
async function redisUrlOf(config: Config, log: Log, shutdown: Shutdown): Promise<GivenOrOwn> {
  if (config.redisUrl !== undefined) return { url: config.redisUrl, stop: () => Promise.resolve() };
  // Both servers, for who joins them may need both.
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  shutdown.add("invitation", () => servers.withdraw());
  void servers.lost.then((reason) => shutdown.stop(reason, 1));
  return { url: servers.redisUrl, stop: () => servers.stop() };
}
