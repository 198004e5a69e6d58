/** `platform`: the whole shop on one machine, each service a process, started again where it ends. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { COMPANIONS, SETTINGS_OF, type CompanionName } from "#compose/companion-settings";
import { portOf } from "#compose/companions";
import { mustBeFree } from "#compose/port";
import { Refusal } from "#compose/refusal";
import { openServers } from "#compose/servers";
import { developmentSecret, readTexts, surroundings, type Config } from "#config";
import { startChild, type Child } from "#embedded/child";
import { callOut } from "#lib/call-out";
import { createLog, type Log } from "#lib/log";
import { pause } from "#lib/pause";
import { createShutdown, type Shutdown } from "#lib/shutdown";

/** A service that ended is started again after a pause, doubled while none stays. */
const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 10_000;
/** Who has lived for so long stays: the next pause is the shortest again. */
const STEADY_MS = 30_000;
const LOOK_EVERY_MS = 100;
const ANSWER_MS_MAX = 2_000;
/** A first start of all of them at once, on a slow machine. */
const READY_MS_MAX = 120_000;
/** Each ends by itself within its grace, and says what it cut off. */
const GRACE_MARGIN_MS = 2_000;

interface ServiceOfShop {
  readonly name: "inventory" | CompanionName;
  readonly args: readonly string[];
  readonly url: string;
}

/** Serves the shop until it is told to stop; every process that it started has ended then. */
export async function runPlatform(config: Config): Promise<void> {
  if (config.production) {
    throw new Refusal(
      "platform is for trying it on one machine: in production start each service by itself",
    );
  }
  const startedAt = performance.now();
  const services = servicesOf(config);
  const log = createLog({ level: config.logLevel, format: "text" });
  const graceMs = 2 * config.shutdownGraceMs + GRACE_MARGIN_MS;
  const shutdown = createShutdown({ log, graceMs });
  shutdown.arm();
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  shutdown.add("invitation", () => servers.withdraw());
  void servers.lost.then((reason) => shutdown.stop(reason, 1));
  const { redisUrl, databaseUrl } = servers;
  const env = environmentOf(config, { redisUrl, databaseUrl });
  const folder = join(resolve(config.dataDir), "platform");
  mkdirSync(folder, { recursive: true });
  const behind = { ...env, TRUSTED_PROXIES: trustedWithGateway(env) };
  const kept = services.map((service) =>
    keepRunning(service, service.name === "gateway" ? env : behind, folder, log),
  );
  shutdown.add("services", async () => {
    // Who is called last is asked to stop first.
    await Promise.all(kept.toReversed().map((one) => one.stop(config.shutdownGraceMs)));
  });
  shutdown.add("servers", () => servers.stop());
  const isOpen = await Promise.all(services.map((service) => isReady(service, shutdown)));
  if (shutdown.stopping()) return;
  const closed = services.filter((_, index) => isOpen[index] !== true).map(({ name }) => name);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  for (const { name, url } of services) log.info(`${name.padEnd(10)} ${url}`);
  if (closed.length > 0) log.warn(`not ready yet, see their logs: ${closed.join(", ")}`);
  else log.info(`the shop is open after ${seconds} s`);
  log.info(`its services write into ${folder}`);
  log.info(
    `all of it: http://localhost:${config.gatewayPort}/registry, each call: http://localhost:${config.gatewayPort}/docs`,
  );
}

/** In the order in which they are of use to each other, which no start depends on. */
function servicesOf(config: Config): readonly ServiceOfShop[] {
  const { host } = config;
  const companions = COMPANIONS.map((name): ServiceOfShop => {
    const port = portOf(name, config);
    mustBeFree({ host, ...port });
    return { name, args: ["start", name], url: `http://localhost:${port.port}` };
  });
  mustBeFree({ host, port: config.port, variable: "PORT" });
  const url = `http://localhost:${config.port}`;
  const inventory: ServiceOfShop = { name: "inventory", args: ["start"], url };
  const known = [inventory, ...companions];
  const unnamed = known.find(({ url: at }) => at.endsWith(":0"));
  if (unnamed !== undefined) {
    throw new Refusal(
      `the port of ${unnamed.name} is 0, any free one: the others could not find it`,
    );
  }
  return [...companions.slice(0, 2), inventory, ...companions.slice(2)];
}

/** One environment for all: each takes of it what it has a use for. */
function environmentOf(
  config: Config,
  servers: { readonly redisUrl: string; readonly databaseUrl: string },
): Record<string, string> {
  const at = (port: number): string => `http://localhost:${port}`;
  const users = at(config.usersPort);
  const products = at(config.productsPort);
  return {
    ...surroundings(),
    ...readTexts(),
    REDIS_URL: servers.redisUrl,
    DATABASE_URL: servers.databaseUrl,
    EUREKA_URL: registryUrlOf(config),
    USERS_URL: users,
    PRODUCTS_URL: products,
    ORDERS_URL: at(config.ordersPort),
    PRODUCT_SERVICE_URL: products,
    INVENTORY_URL: at(config.port),
    PAYMENT_URL: at(config.paymentPort),
    JWKS_URL: `${users}/.well-known/jwks.json`,
    // Beside those of users: what `bun run token` and a rush sign with.
    JWT_SECRET: config.jwtSecret ?? developmentSecret(config.dataDir),
    SERVICE_CLIENT_SECRET:
      config.serviceClientSecret ?? developmentSecret(config.dataDir, "service-secret"),
    PAYMENT_SECRET: config.paymentSecret ?? developmentSecret(config.dataDir, "payment-secret"),
  };
}

/** The gateway runs here: what it says of who asks is believed. */
function trustedWithGateway({ TRUSTED_PROXIES: given = "" }: Record<string, string>): string {
  return [given, "127.0.0.0/8", "::1"].filter((network) => network !== "").join(",");
}

/** With its password, where it has one. */
export function registryUrlOf({ registryPort, registryPassword }: Config): string {
  const who =
    registryPassword === undefined ? "" : `registry:${encodeURIComponent(registryPassword)}@`;
  return `http://${who}localhost:${registryPort}/eureka`;
}

interface Kept {
  stop(graceMs: number): Promise<void>;
}

/** Starts a service, and again when it ended, until it is told to stop. */
function keepRunning(
  { name, args }: ServiceOfShop,
  env: Record<string, string>,
  folder: string,
  log: Log,
): Kept {
  const stopping = new AbortController();
  let child: Child | null = null;
  const running = (async () => {
    let pauseMs = PAUSE_MS_MIN;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      child = startChild({
        command: [process.execPath, Bun.main, ...args],
        env,
        logFile: join(folder, `${name}.log`),
        endSignal: "SIGTERM",
      });
      await child.exited;
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > STEADY_MS) pauseMs = PAUSE_MS_MIN;
      log.warn(`${name} ended and is started again`, { inMs: pauseMs, told: child.logTail() });
      await pause(pauseMs, stopping.signal);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
    }
  })();
  return {
    async stop(graceMs) {
      stopping.abort();
      await child?.end("SIGTERM", graceMs + GRACE_MARGIN_MS);
      await running;
    },
  };
}

/** Waits until it can serve; false: it could not for long, or nobody wants it any more. */
async function isReady({ url }: ServiceOfShop, { stopping }: Shutdown): Promise<boolean> {
  const end = performance.now() + READY_MS_MAX;
  while (performance.now() < end && !stopping()) {
    const call = { method: "GET", url: `${url}/health/ready`, withinMs: ANSWER_MS_MAX } as const;
    const answer = await callOut(call).catch(() => null);
    if (answer?.status === 200) return true;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** What platform needs of the configuration: all that any of its services does. */
export const PLATFORM_SETTINGS = [...new Set(Object.values(SETTINGS_OF).flat())];
