/** What the npm client makes of our instance, and whether we speak to a registry as it does. */
import { describe, expect, test } from "bun:test";
import { Eureka } from "eureka-js-client";
import { createLog } from "#lib/log";
import { instanceOf, SERVICE } from "#registry/instance";
import { keepRegistered } from "#registry/registration";
import { startEurekaRegistry, type EurekaRegistry } from "#test/eureka-registry";
import { until } from "#test/until";

const PLACE = { host: "stock.test", port: 3002 };
const OTHER = { host: "orders.test", port: 3003 };
const HURRY_MS = 20;

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const log = createLog({ level: "error", format: "text" });

/** Both bases, as a client is configured with either. */
const SERVICE_PATHS = ["/eureka/v2/apps/", "/eureka/apps/"] as const;

function ours({ url }: EurekaRegistry) {
  return keepRegistered({ registries: [url], place: PLACE, log, renewEveryMs: HURRY_MS });
}

function client({ port }: EurekaRegistry, servicePath: string, isService: boolean): Eureka {
  const instance = { ...instanceOf(OTHER, 1), app: "ORDER-SERVICE" };
  const eureka = {
    host: "127.0.0.1",
    port,
    servicePath,
    registerWithEureka: isService,
    heartbeatInterval: HURRY_MS,
    registryFetchInterval: HURRY_MS,
    requestRetryDelay: HURRY_MS,
  };
  return new Eureka({ ...(isService ? { instance } : {}), eureka, logger: silent });
}

/** A call of the client as a promise. */
const done = (call: (callback: (error: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });

const met = (what: string, condition: () => boolean) =>
  until(condition, { withinMs: 10_000, what });

describe.each(SERVICE_PATHS)("eureka-js-client by %s", (servicePath) => {
  test("finds our instance by name and by address, and where it is", async () => {
    await using registry = startEurekaRegistry();
    const registration = ours(registry);
    await met("we are registered", () => registry.instances(SERVICE).length === 1);
    const finder = client(registry, servicePath, false);
    await done((callback) => finder.start(callback));
    const found = finder.getInstancesByAppId("inventory-service");
    expect(found).toEqual([
      expect.objectContaining({
        instanceId: "stock.test:inventory-service:3002",
        app: SERVICE,
        hostName: "stock.test",
        port: { $: 3002, "@enabled": "true" },
        status: "UP",
        homePageUrl: "http://stock.test:3002/",
        statusPageUrl: "http://stock.test:3002/info",
        healthCheckUrl: "http://stock.test:3002/health/ready",
      }),
    ]);
    expect(finder.getInstancesByVipAddress("inventory-service")).toEqual(found);

    await registration.leave();
    // The client keeps what it knew when a registry is empty, so somebody else has to be there.
    const other = client(registry, servicePath, true);
    await done((callback) => other.start(callback));
    await done((callback) => finder.fetchRegistry(callback));
    expect(finder.getInstancesByAppId(SERVICE)).toEqual([]);
    expect(finder.getInstancesByAppId("ORDER-SERVICE")).toHaveLength(1);
    await done((callback) => finder.stop(callback));
    await done((callback) => other.stop(callback));
  });
});

test("a registry hears the same from us as from eureka-js-client, in the same order", async () => {
  await using registry = startEurekaRegistry();
  const registration = ours(registry);
  const other = client(registry, "/eureka/v2/apps/", true);
  await done((callback) => other.start(callback));
  const both = () => [registry.instances(SERVICE), registry.instances("ORDER-SERVICE")].flat();
  await met("both are registered, and renew", () => bothRenewed(registry, 0));
  registry.forget();
  const from = registry.calls.length;
  await met("both are registered again, and renew", () => bothRenewed(registry, from));
  await registration.leave();
  await done((callback) => other.stop(callback));
  expect(both()).toEqual([]);

  const [mine, theirs] = [spoken(registry, SERVICE), spoken(registry, "ORDER-SERVICE")];
  expect(mine).toEqual(theirs);
  expect(mine).toEqual([
    "POST /eureka/v2/apps/APP 204",
    "PUT /eureka/v2/apps/APP/ID 200",
    "PUT /eureka/v2/apps/APP/ID 404",
    "POST /eureka/v2/apps/APP 204",
    "PUT /eureka/v2/apps/APP/ID 200",
    "DELETE /eureka/v2/apps/APP/ID 200",
  ]);
});

/** Whether each has had a renewal taken among the calls from that one on. */
function bothRenewed({ calls }: EurekaRegistry, from: number): boolean {
  const renewals = calls
    .slice(from)
    .filter(({ method, status }) => `${method} ${status}` === "PUT 200");
  return [SERVICE, "ORDER-SERVICE"].every((app) => renewals.some(({ path }) => path.includes(app)));
}

/** The calls about one application; a renewal that follows its like is left out. */
function spoken(registry: EurekaRegistry, app: string): string[] {
  const calls = registry.calls
    .filter(({ path }) => path.includes(app))
    .map(({ method, path, status }) => {
      const place = path.replace(app, "APP").replace(/APP\/.*/, "APP/ID");
      return `${method} ${place} ${status}`;
    });
  return calls.filter((call, index) => call !== calls[index - 1]);
}
