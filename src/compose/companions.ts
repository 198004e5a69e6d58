/** The services around the inventory, each as a process of its own. */
import type { Server } from "bun";
import type { Hono } from "hono";
import {
  baseOf,
  callingOf,
  CLOSE_SECONDS_MAX,
  demandOf,
  isAway,
  paymentSecretsOf,
  queuesOf,
  redisOf,
  schemaOf,
  SERVICE_CLIENT,
  serviceSecretOf,
  type Companion,
  type Parts,
} from "#compose/companion-parts";
import { SETTINGS_OF, type CompanionName } from "#compose/companion-settings";
import { cannotListen, mustBeFree, type Port } from "#compose/port";
import { openServers } from "#compose/servers";
import type { Config, VariableName } from "#config";
import { createGatewayApp } from "#companions/gateway/app";
import { followInstances } from "#companions/gateway/instances";
import { SERVICES as BEHIND_GATEWAY } from "#companions/gateway/services";
import { createOrdersApp } from "#companions/orders/app";
import { createFeedStore } from "#companions/orders/feed-store";
import { startFollowing } from "#companions/orders/follow";
import { createHolds, createInventory } from "#companions/orders/holds";
import { ORDERS_MIGRATIONS } from "#companions/orders/migrations";
import { createPaid } from "#companions/orders/paid";
import { createPayments as createPaymentsOfOrders } from "#companions/orders/payments";
import { createPrices } from "#companions/orders/prices";
import { startOrdersRelay } from "#companions/orders/relay";
import { createSteps } from "#companions/orders/steps";
import { createOrders } from "#companions/orders/store";
import { createPaymentApp } from "#companions/payment/app";
import { PAYMENT_MIGRATIONS } from "#companions/payment/migrations";
import { createOrdersOfPayment } from "#companions/payment/orders";
import { startPaymentRelay } from "#companions/payment/relay";
import { createPayments } from "#companions/payment/store";
import { createProductsApp } from "#companions/products/app";
import { PRODUCTS_MIGRATIONS } from "#companions/products/migrations";
import { startProductsRelay } from "#companions/products/relay";
import { createRemoving } from "#companions/products/removal";
import { createRemovals } from "#companions/products/removals";
import { createStockOfProducts } from "#companions/products/stock";
import { loadSampleProducts } from "#companions/products/samples";
import { createProducts } from "#companions/products/store";
import { createRegistryApp } from "#companions/registry/app";
import { startEvicting } from "#companions/registry/evict";
import { Leases } from "#companions/registry/leases";
import type { ShellContext, ShellEnv } from "#companions/shell/app";
import { createAccounts } from "#companions/users/accounts";
import { createUsersApp } from "#companions/users/app";
import { Attempts } from "#companions/users/attempts";
import { KeyRing } from "#companions/users/keys";
import { USERS_MIGRATIONS } from "#companions/users/migrations";
import { Passwords } from "#companions/users/passwords";
import { SAMPLE_ACCOUNTS } from "#companions/users/samples";
import { addressOf, TrustedProxies } from "#lib/client-address";
import { createLog, type Log } from "#lib/log";
import { createShutdown, type Shutdown } from "#lib/shutdown";
import { version } from "#package.json";
import { placeOf } from "#registry/instance";
import { keepRegistered } from "#registry/registration";

/** Serves until it is told to stop; everything it started has ended then. */
export async function runCompanion(name: CompanionName, config: Config): Promise<void> {
  const startedAt = performance.now();
  const { host } = config;
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const shutdown = createShutdown({ log, graceMs: config.shutdownGraceMs });
  shutdown.arm();
  const place = { host, ...portOf(name, config) };
  mustBeFree(place);
  const servers = await serversOf(name, config, log, shutdown);
  const { app, close } = await OPEN[name]({ config, log, urls: servers });
  const server = listen(app, place);
  const registration = registered(name, config, server.port ?? place.port, log);
  // Before the listener: nobody new is sent here while it closes.
  shutdown.add("registry", () => void registration?.leave());
  shutdown.add("listener", () => server.stop());
  shutdown.add("registry's answer", () => registration?.leave());
  shutdown.add("work and connections", close);
  shutdown.add("servers", () => servers.stop());
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  log.info(`serving     ${name} on http://${host}:${server.port} (after ${seconds} s)`);
}

/** How a registry knows each, as the shop had them before; a registry is in none. */
export const SERVICES: Readonly<Record<Exclude<CompanionName, "registry">, string>> = {
  users: BEHIND_GATEWAY.users.name,
  products: BEHIND_GATEWAY.products.name,
  orders: BEHIND_GATEWAY.orders.name,
  payment: BEHIND_GATEWAY.payment.name,
  gateway: "API-GATEWAY",
};

/** Keeps it known to the registry, where there is one. */
function registered(name: CompanionName, config: Config, port: number, log: Log) {
  if (name === "registry" || config.eurekaUrls.length === 0) return null;
  const { advertiseHost, host, eurekaUrls: registries } = config;
  // ADVERTISE_PORT is the inventory's: each has its own port here.
  const place = placeOf({ advertiseHost, advertisePort: undefined, host, port });
  return keepRegistered({ registries, place, service: SERVICES[name], log });
}

/** Above the longest answer, so that a slow caller is cut off by its own deadline. */
const IDLE_SECONDS_MAX = 30;

/** What Bun tells a handler beside the request. */
type Environment = Server<undefined>;

function listen(app: Hono<ShellEnv>, place: Port): Environment {
  try {
    const { host: hostname, port } = place;
    return Bun.serve({
      hostname,
      port,
      idleTimeout: IDLE_SECONDS_MAX,
      fetch: (request, server) => app.fetch(request, { server }),
    });
  } catch (error) {
    throw cannotListen(place, error);
  }
}

/** Where a companion listens, and which variable says so. */
export function portOf(name: CompanionName, config: Config): Pick<Port, "port" | "variable"> {
  switch (name) {
    case "registry":
      return { port: config.registryPort, variable: "REGISTRY_PORT" };
    case "gateway":
      return { port: config.gatewayPort, variable: "GATEWAY_PORT" };
    case "orders":
      return { port: config.ordersPort, variable: "ORDERS_PORT" };
    case "payment":
      return { port: config.paymentPort, variable: "PAYMENT_PORT" };
    case "products":
      return { port: config.productsPort, variable: "PRODUCTS_PORT" };
    case "users":
      return { port: config.usersPort, variable: "USERS_PORT" };
  }
}

/** How long a token is good for: what an attacker who got one has. */
const TOKEN_SECONDS = 3_600;

const OPEN: Readonly<Record<CompanionName, (parts: Parts) => Promise<Companion>>> = {
  registry({ config, log, urls }) {
    const redis = redisOf("registry", urls, log);
    const leases = new Leases(redis);
    const eviction = startEvicting(leases, log);
    const password = config.registryPassword;
    const app = createRegistryApp({ leases, password, ...commonOf(config, log) });
    const close = async (): Promise<void> => {
      await eviction.stop();
      redis.disconnect();
    };
    return Promise.resolve({ app, close });
  },
  async products({ config, log, urls }) {
    const sql = await schemaOf("products", urls, PRODUCTS_MIGRATIONS);
    const products = createProducts(sql);
    if (config.sampleData) await loadSampleProducts(products);
    const { url, token, demand } = callingOf(config);
    const stock = createStockOfProducts({ url, token });
    const queues = queuesOf("products", urls, log);
    const removals = createRemovals(sql);
    const removing = createRemoving({ removals, products, stock });
    const relay = startProductsRelay({ products, stock, removals, removing, ...queues, log });
    const told = commonOf(config, log);
    const app = createProductsApp({ products, stock, removing, relay, demand, ...told });
    const close = async (): Promise<void> => {
      await relay.close();
      queues.disconnect();
      await sql.end({ timeout: CLOSE_SECONDS_MAX });
    };
    return { app, close };
  },
  async orders({ config, log, urls }) {
    const sql = await schemaOf("orders", urls, ORDERS_MIGRATIONS);
    const orders = createOrders(sql);
    const { url, token, demand } = callingOf(config);
    const inventory = createInventory(url, token);
    const steps = createSteps(orders, createHolds(inventory), log);
    const queues = queuesOf("orders", urls, log);
    const relay = startOrdersRelay({ orders, steps, ...queues, log });
    const feed = createFeedStore(sql);
    const following = startFollowing({ feed, inventory, relay, log });
    const prices = createPrices(config.productsUrl);
    const payments = createPaymentsOfOrders({ orders, steps, paid: createPaid(sql) });
    const paymentSecrets = paymentSecretsOf(config);
    const told = { payments, paymentSecrets, ...commonOf(config, log) };
    const app = createOrdersApp({ orders, steps, prices, relay, demand, ...told });
    const close = async (): Promise<void> => {
      await following.stop();
      await relay.close();
      queues.disconnect();
      await sql.end({ timeout: CLOSE_SECONDS_MAX });
    };
    return { app, close };
  },
  async payment({ config, log, urls }) {
    const sql = await schemaOf("payment", urls, PAYMENT_MIGRATIONS);
    const payments = createPayments(sql);
    const { token, demand } = callingOf(config);
    const secrets = paymentSecretsOf(config);
    const orders = createOrdersOfPayment({ url: baseOf(config.ordersUrl), token, secrets });
    const queues = queuesOf("payment", urls, log);
    const relay = startPaymentRelay({ payments, orders, ...queues, log });
    if (config.production) log.warn("payment is a stand-in: no money is taken");
    const app = createPaymentApp({ payments, orders, relay, demand, ...commonOf(config, log) });
    const close = async (): Promise<void> => {
      await relay.close();
      queues.disconnect();
      await sql.end({ timeout: CLOSE_SECONDS_MAX });
    };
    return { app, close };
  },
  gateway({ config, log }) {
    const instances = followInstances({
      registries: config.eurekaUrls,
      fixed: {
        users: baseOf(config.usersUrl),
        products: baseOf(config.productsUrl),
        orders: baseOf(config.ordersUrl),
        payment: baseOf(config.paymentUrl),
        inventory: baseOf(config.inventoryUrl),
      },
      log,
    });
    const demand = demandOf(config);
    const app = createGatewayApp({
      instances,
      demand,
      registries: config.eurekaUrls,
      addressOf: addressBehind(config),
      ...commonOf(config, log),
    });
    return Promise.resolve({ app, close: () => instances.stop() });
  },
  async users({ config, log, urls }) {
    const redis = redisOf("users", urls, log);
    const sql = await schemaOf("users", urls, USERS_MIGRATIONS);
    const accounts = createAccounts(sql, new Passwords());
    const keys = new KeyRing({
      sql,
      tokenSeconds: TOKEN_SECONDS,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      now: Date.now,
    });
    const secret = serviceSecretOf(config);
    await accounts.putClient(SERVICE_CLIENT, "the services of this shop", secret);
    if (config.sampleData) {
      for (const { email, password, role } of SAMPLE_ACCOUNTS) {
        await accounts.register(email, password, role);
      }
    }
    const app = createUsersApp({
      accounts,
      attempts: new Attempts(redis),
      keys,
      tokenSeconds: TOKEN_SECONDS,
      addressOf: addressBehind(config),
      ...commonOf(config, log),
    });
    const close = async (): Promise<void> => {
      redis.disconnect();
      await sql.end({ timeout: CLOSE_SECONDS_MAX });
    };
    return { app, close };
  },
};

/** What each of them is made with. */
const commonOf = ({ docsPublic }: Config, log: Log) => ({ version, log, isAway, docsPublic });

/** Of who asks: who is connected, or whom a proxy in front names that is ours, such as the gateway. */
function addressBehind({ trustedProxies }: Config): (c: ShellContext) => string {
  const trusted = new TrustedProxies(trustedProxies);
  return (c) => {
    const peer = c.env.server?.requestIP(c.req.raw)?.address;
    if (peer === undefined) return "unknown";
    return addressOf(peer, c.req.header("x-forwarded-for"), trusted);
  };
}

/** The servers that are given, or those of our own, which others on this machine join. */
async function serversOf(name: CompanionName, config: Config, log: Log, shutdown: Shutdown) {
  const { redisUrl, databaseUrl = "" } = config;
  const needs = (variable: VariableName): boolean => SETTINGS_OF[name].includes(variable);
  const hasRedis = redisUrl !== undefined || !needs("REDIS_URL");
  if (hasRedis && (databaseUrl !== "" || !needs("DATABASE_URL"))) {
    return { redisUrl: redisUrl ?? "", databaseUrl, stop: () => Promise.resolve() };
  }
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  shutdown.add("invitation", () => servers.withdraw());
  void servers.lost.then((reason) => shutdown.stop(reason, 1));
  return servers;
}
