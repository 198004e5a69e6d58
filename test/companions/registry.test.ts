/** The service registry: Eureka's words over a real Redis. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { createRegistryApp, REGISTRY_USER } from "#companions/registry/app";
import { INSTANCE_BYTES_MAX, METADATA_ENTRIES_MAX } from "#companions/registry/instance";
import { INSTANCES_MAX, Leases } from "#companions/registry/leases";
import { ANSWER_BYTES_MAX } from "#companions/gateway/instances";
import { createLog } from "#lib/log";
import { startRedis } from "#test/servers";
import { until } from "#test/until";

const server = await startRedis();
const redis = new Redis(server.url);
const log = createLog({ level: "error", format: "text" });
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const BASES = ["/eureka", "/eureka/v2"] as const;
const INSTANCE = { instanceId: "stock.test:1", hostName: "stock.test", port: 3003 };

/** One process of the registry; each forgets nothing that another one was told. */
function registry(options: { password?: string; base?: string } = {}) {
  const { password, base = "/eureka/v2" } = options;
  const leases = new Leases(redis);
  const app = createRegistryApp({
    leases,
    version: "test",
    log,
    isAway: () => false,
    docsPublic: true,
    password,
  });
  const ask = async (method: string, path: string, body?: unknown, headers = {}) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await app.request(`${base}${path}`, { method, headers, ...init });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  const register = (fields: object = {}, name = "inventory-service") =>
    ask("POST", `/apps/${name}`, { instance: { ...INSTANCE, ...fields } });
  return { app, ask, leases, register };
}

const names = (body: { applications: { application: { name: string }[] } }): string[] =>
  body.applications.application.map(({ name }) => name);

describe.each(BASES)("by %s", (base) => {
  test.each(["", "/"])(
    "an instance comes, is found, renews and goes (paths end with '%s')",
    async (end) => {
      const { ask, register } = registry({ base });
      expect(await register()).toEqual({ status: 204, body: null });
      const all = await ask("GET", `/apps${end}`);
      expect(all.body).toMatchObject({
        applications: {
          apps__hashcode: "UP_1_",
          application: [
            {
              name: "INVENTORY-SERVICE",
              instance: [
                {
                  instanceId: "stock.test:1",
                  app: "INVENTORY-SERVICE",
                  port: { $: 3003, "@enabled": "true" },
                  status: "UP",
                  vipAddress: "inventory-service",
                  leaseInfo: { durationInSecs: 90 },
                },
              ],
            },
          ],
        },
      });
      const one = await ask("GET", `/apps/Inventory-Service${end}`);
      expect(one.body.application.instance).toHaveLength(1);
      const path = `/apps/INVENTORY-SERVICE/stock.test:1${end}`;
      expect((await ask("GET", path)).body.instance.hostName).toBe("stock.test");
      expect((await ask("GET", `/instances/stock.test:1${end}`)).status).toBe(200);
      expect(names((await ask("GET", `/vips/inventory-service${end}`)).body)).toHaveLength(1);
      expect((await ask("PUT", path)).status).toBe(200);
      expect((await ask("DELETE", path)).status).toBe(200);
      for (const method of ["PUT", "DELETE", "GET"])
        expect((await ask(method, path)).status).toBe(404);
      expect((await ask("GET", `/apps/INVENTORY-SERVICE${end}`)).status).toBe(404);
      expect(names((await ask("GET", `/apps${end}`)).body)).toEqual([]);
    },
  );
});

test.each<[what: string, body: unknown, field: string]>([
  ["no instance", {}, "instance"],
  ["no id", { instance: { hostName: "a", port: 1 } }, "instance.instanceId"],
  [
    "an id that ends a path",
    { instance: { ...INSTANCE, instanceId: "a/b" } },
    "instance.instanceId",
  ],
  ["no host", { instance: { instanceId: "a", port: 1 } }, "instance.hostName"],
  ["no port", { instance: { instanceId: "a", hostName: "a" } }, "instance.port"],
  ["a port that is none", { instance: { ...INSTANCE, port: 70_000 } }, "instance.port"],
  [
    "what is nested without end",
    {
      instance: { ...INSTANCE, metadata: { a: JSON.parse(`${"[".repeat(50)}${"]".repeat(50)}`) } },
    },
    "instance.metadata.a",
  ],
  ["a status that is none", { instance: { ...INSTANCE, status: "FINE" } }, "instance.status"],
])(
  "refuses a registration with %s, names the field, and keeps nothing",
  async (_what, body, field) => {
    const { ask } = registry();
    const refused = await ask("POST", "/apps/shop", body);
    expect(refused.status).toBe(400);
    expect(refused.body.error).toStartWith(field);
    expect(await redis.dbsize()).toBe(0);
  },
);

test("a body that is no JSON, or too long, is refused", async () => {
  const { app } = registry();
  const send = (body: string) => app.request("/eureka/apps/shop", { method: "POST", body });
  expect((await send("{")).status).toBe(400);
  expect((await send("x".repeat(200_000))).status).toBe(413);
});

test("a lease that is not renewed ends: nobody is sent there, and it is taken off", async () => {
  const { ask, leases, register } = registry();
  await register({ leaseInfo: { durationInSecs: 1 } });
  await register({ instanceId: "stays" });
  await until(
    async () =>
      names((await ask("GET", "/apps")).body).length === 1 && (await leases.all()).length === 1,
    {
      withinMs: 5_000,
      what: "the lease ended",
    },
  );
  // Whoever was taken off hears it, and registers again.
  expect((await ask("PUT", "/apps/INVENTORY-SERVICE/stock.test:1")).status).toBe(404);
  expect(await redis.hlen("registry:instances")).toBe(2);
  expect((await leases.evict()).map(({ instance }) => instance.instanceId)).toEqual([
    "stock.test:1",
  ]);
  expect(await redis.hkeys("registry:instances")).toEqual(["INVENTORY-SERVICE/stays"]);
  expect(await redis.hkeys("registry:renewed")).toEqual(["INVENTORY-SERVICE/stays"]);
});

test("a registry that was away for longer than a lease has all that it had, and ends none for that", async () => {
  const before = registry();
  await before.register({ leaseInfo: { durationInSecs: 1 } });
  await until(async () => (await before.leases.all()).length === 0, {
    withinMs: 5_000,
    what: "the lease would have ended",
  });
  const after = registry();
  expect(names((await after.ask("GET", "/apps")).body)).toEqual(["INVENTORY-SERVICE"]);
  expect((await after.ask("PUT", "/apps/INVENTORY-SERVICE/stock.test:1")).status).toBe(200);
});

test("what an operator says of a status stands until it is taken back", async () => {
  const { ask, register } = registry();
  await register();
  const path = "/apps/INVENTORY-SERVICE/stock.test:1";
  const status = async () => (await ask("GET", path)).body.instance;
  expect((await ask("PUT", `${path}/status?value=OUT_OF_SERVICE`)).status).toBe(200);
  expect(await status()).toMatchObject({
    status: "OUT_OF_SERVICE",
    overriddenStatus: "OUT_OF_SERVICE",
  });
  // Its client registers and renews as before.
  await register();
  await ask("PUT", `${path}?status=UP`);
  expect(await status()).toMatchObject({ status: "OUT_OF_SERVICE" });
  expect((await ask("PUT", `${path}/status?value=SOMETHING`)).status).toBe(400);
  expect((await ask("DELETE", `${path}/status?value=UP`)).status).toBe(200);
  expect(await status()).toMatchObject({ status: "UP", overriddenStatus: "UNKNOWN" });
  expect((await ask("PUT", `${path}/metadata?zone=a`)).status).toBe(200);
  expect((await status()).metadata).toEqual({ zone: "a" });
  expect((await ask("PUT", "/apps/shop/nobody/status?value=UP")).status).toBe(404);
});

describe("what is said of an instance later is bounded as its registration is:", () => {
  const path = "/apps/INVENTORY-SERVICE/stock.test:1";
  const query = (entries: number, value: string) =>
    Array.from({ length: entries }, (_, i) => `key${i}=${value}`).join("&");
  test.each<[what: string, metadata: string, field: string]>([
    ["more entries", query(METADATA_ENTRIES_MAX + 1, "a"), "metadata"],
    ["more text", query(1, "a".repeat(INSTANCE_BYTES_MAX)), "instance"],
  ])("%s are refused, and everybody is found as before", async (_what, metadata, field) => {
    const { ask, register } = registry();
    await register();
    const before = (await ask("GET", "/apps")).body;
    const refused = await ask("PUT", `${path}/metadata?${metadata}`);
    expect(refused).toMatchObject({ status: 400, body: { field } });
    expect((await ask("GET", "/apps")).body).toEqual(before);
  });

  test("entries that come one after the other, too", async () => {
    const { ask, register } = registry();
    await register();
    expect((await ask("PUT", `${path}/metadata?${query(METADATA_ENTRIES_MAX, "a")}`)).status).toBe(
      200,
    );
    expect((await ask("PUT", `${path}/metadata?another=a`)).status).toBe(400);
    expect((await ask("GET", "/apps")).status).toBe(200);
  });

  test("a registration that is longer is refused, whatever it says more", async () => {
    const { ask, register } = registry();
    const more = { healthCheckUrl: `http://${"a".repeat(INSTANCE_BYTES_MAX)}` };
    expect(await register(more)).toMatchObject({ status: 400, body: { field: "instance" } });
    expect(names((await ask("GET", "/apps")).body)).toEqual([]);
  });

  test("so all of them are an answer that the gateway reads", () => {
    expect(INSTANCES_MAX * INSTANCE_BYTES_MAX).toBeLessThan(ANSWER_BYTES_MAX);
  });
});

test("a time of renewal that is of no lease goes with the next look", async () => {
  const { leases, register } = registry();
  await register();
  await redis.hset("registry:renewed", "GONE/stock.test:9", "1");
  await leases.evict();
  expect(await redis.hkeys("registry:renewed")).toEqual(["INVENTORY-SERVICE/stock.test:1"]);
});

test("changes alone tell what came, changed and went, with the code of the whole", async () => {
  const { ask, register } = registry();
  await register();
  await register({ instanceId: "stock.test:2" });
  await ask("PUT", "/apps/INVENTORY-SERVICE/stock.test:1/status?value=DOWN");
  await ask("DELETE", "/apps/INVENTORY-SERVICE/stock.test:2");
  const { body } = await ask("GET", "/apps/delta");
  const [{ instance }] = body.applications.application;
  const told = instance.map((one: Record<string, string>) => [
    one["instanceId"],
    one["actionType"],
    one["status"],
  ]);
  expect(told).toEqual([
    ["stock.test:1", "ADDED", "UP"],
    ["stock.test:2", "ADDED", "UP"],
    ["stock.test:1", "MODIFIED", "DOWN"],
    ["stock.test:2", "DELETED", "UP"],
  ]);
  expect(body.applications.apps__hashcode).toBe("DOWN_1_");
  expect((await ask("GET", "/apps")).body.applications.apps__hashcode).toBe("DOWN_1_");
});

test("an instance that changed since its registration is asked to register again", async () => {
  const { ask, register } = registry();
  await register({ lastDirtyTimestamp: "1000" });
  const renew = (at: string) =>
    ask("PUT", `/apps/INVENTORY-SERVICE/stock.test:1?lastDirtyTimestamp=${at}`);
  expect((await renew("1000")).status).toBe(200);
  expect((await renew("2000")).status).toBe(404);
});

test("with a password nothing is told or taken without it, but for health", async () => {
  const password = "a long word that nobody guesses";
  const { app, ask, register } = registry({ password });
  expect((await register()).status).toBe(401);
  for (const path of ["/apps", "/apps/delta", "/vips/x"])
    expect((await ask("GET", path)).status).toBe(401);
  expect(await redis.dbsize()).toBe(0);
  const authorization = `Basic ${btoa(`${REGISTRY_USER}:${password}`)}`;
  expect((await ask("GET", "/apps", undefined, { authorization })).status).toBe(200);
  const health = await app.request("/health");
  expect(await health.json()).toEqual({ status: "UP", services: [] });
  expect((await app.request("/health/ready")).status).toBe(200);
});

test("health names the services that are there", async () => {
  const { app, register } = registry();
  await register();
  await register({}, "orders");
  const health = await app.request("/health");
  expect(await health.json()).toEqual({ status: "UP", services: ["INVENTORY-SERVICE", "ORDERS"] });
});
