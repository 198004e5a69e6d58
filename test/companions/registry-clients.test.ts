/** The service registry as a process, with the npm client and the inventory service as its callers. */
import { expect, test } from "bun:test";
import { Eureka } from "eureka-js-client";
import { instanceOf, SERVICE } from "#registry/instance";
import { startRedis, testDatabase } from "#test/servers";
import { startService } from "#test/service";
import { until } from "#test/until";

const HURRY_MS = 20;
const TEST_MS_MAX = 60_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** An instance of that name, as `eureka-js-client` keeps it registered; null: it only looks. */
function client(url: string, app: string | null, asksForDelta = false): Eureka {
  const { port } = new URL(url);
  const instance = { ...instanceOf({ host: `${app}.test`, port: 80 }, 1), app: app ?? "" };
  const eureka = {
    host: "127.0.0.1",
    port: Number(port),
    servicePath: "/eureka/apps/",
    registerWithEureka: app !== null,
    heartbeatInterval: HURRY_MS,
    registryFetchInterval: HURRY_MS,
    requestRetryDelay: HURRY_MS,
  };
  const made = new Eureka({
    ...(app === null ? {} : { instance }),
    eureka,
    shouldUseDelta: asksForDelta,
    logger: silent,
  });
  made.on("error", () => undefined);
  return made;
}

const done = (call: (callback: (error: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
const met = (what: string, condition: () => boolean) =>
  until(condition, { withinMs: 10_000, what });

test.each([false, true])(
  "eureka-js-client comes, is found by another, and goes (by changes alone: %p)",
  async (asksForDelta) => {
    await using redis = await startRedis();
    await using registry = await startService({ role: "registry", redisUrl: redis.url });
    const [orders, stays] = [client(registry.url, "orders"), client(registry.url, "stays")];
    for (const one of [orders, stays]) await done((callback) => one.start(callback));
    const finder = client(registry.url, null, asksForDelta);
    await done((callback) => finder.start(callback));
    const found = () => finder.getInstancesByAppId("orders").map((one) => one.hostName);
    await met("it is found", () => found().length === 1);
    expect(found()).toEqual(["orders.test"]);
    await done((callback) => orders.stop(callback));
    await met("it is gone", () => found().length === 0);
    for (const one of [finder, stays]) await done((callback) => one.stop(callback));
  },
  TEST_MS_MAX,
);

test(
  "a registry that is killed and started again has forgotten nobody, and the inventory service stays found",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    await using registry = await startService({ role: "registry", redisUrl: redis.url });
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using service = await startService({ ...servers, env: { EUREKA_URL: registry.url } });
    const services = async () => (await fetch(`${registry.url}/health`)).json();
    await until(async () => JSON.stringify(await services()).includes(SERVICE), {
      withinMs: 10_000,
      what: "the inventory service is registered",
    });
    await registry.kill();
    await registry.restart();
    expect(await services()).toEqual({ status: "UP", services: [SERVICE] });
    service.signal("SIGTERM");
    expect(await service.exitCode()).toBe(0);
    expect(await services()).toEqual({ status: "UP", services: [] });
    registry.signal("SIGTERM");
    expect(await registry.exitCode()).toBe(0);
  },
  TEST_MS_MAX,
);

test("in production it does not start without a password", async () => {
  await using redis = await startRedis();
  const env = { NODE_ENV: "production" };
  const started = startService({ role: "registry", redisUrl: redis.url, env });
  await expect(started).rejects.toThrow("REGISTRY_PASSWORD");
});
