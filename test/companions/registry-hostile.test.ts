/** What whoever may register can send to a registry: none of it hides the others, or fills its Redis. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { z } from "zod";
import { followInstances } from "#companions/gateway/instances";
import { createRegistryApp } from "#companions/registry/app";
import { Leases } from "#companions/registry/leases";
import { createLog } from "#lib/log";
import { startRedis } from "#test/servers";
import { until } from "#test/until";

const server = await startRedis();
const redis = new Redis(server.url);
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
const log = createLog({ level: "error", format: "text" });
const shared = { version: "test", log, isAway: () => false, docsPublic: true };
const app = createRegistryApp({ leases: new Leases(redis), password: undefined, ...shared });
const ask = async (method: string, path: string, body?: object) =>
  await app.request(`/eureka${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const register = async (instanceId: string, fields: object = {}) => {
  const instance = { instanceId, hostName: "stock.test", port: 3003, ...fields };
  return (await ask("POST", "/apps/INVENTORY-SERVICE", { instance })).status;
};
const Known = z.object({
  applications: z.object({
    application: z.array(
      z.object({ instance: z.array(z.looseObject({ instanceId: z.string() })) }),
    ),
  }),
});
const ids = async (path: string): Promise<readonly string[]> => {
  const { applications } = Known.parse(await (await ask("GET", path)).json());
  return applications.application.flatMap(({ instance }) =>
    instance.map(({ instanceId }) => instanceId),
  );
};

test("changes of one instance add up to no more than one may have, and all others are told on", async () => {
  expect(await register("well")).toBe(204);
  expect(await register("loud")).toBe(204);
  const statuses = new Set<number>();
  for (let round = 0; round < 30; round += 1) {
    const entries = Array.from({ length: 10 }, (_, i) => `k${round * 10 + i}=${"v".repeat(100)}`);
    const path = `/apps/INVENTORY-SERVICE/loud/metadata?${entries.join("&")}`;
    statuses.add((await ask("PUT", path)).status);
  }
  expect([...statuses]).toEqual([200, 400]);
  const long = `k0=${"v".repeat(20_000)}`;
  expect((await ask("PUT", `/apps/INVENTORY-SERVICE/loud/metadata?${long}`)).status).toBe(400);
  for (const path of ["/apps", "/apps/delta"]) expect(await ids(path)).toContain("well");
  expect((await ask("GET", "/apps")).status).toBe(200);
});

test("a record that cannot be read, as of a later version, hides no other", async () => {
  expect(await register("well")).toBe(204);
  await redis.hset("registry:instances", "OTHER/odd", '{"app":"OTHER"}');
  expect(await ids("/apps")).toEqual(["well"]);
  expect((await ask("GET", "/instances/odd")).status).toBe(404);
});

test("an instance is as long as an instance is", async () => {
  expect(await register("long", { notes: "n".repeat(20_000) })).toBe(400);
  expect(await redis.hlen("registry:instances")).toBe(0);
});

describe("a place that others would call otherwise than it seems is none:", () => {
  test.each([
    "good@evil.test",
    "evil:80",
    "evil\\x",
    "a%2fb",
    "[::1]",
    "ad:80",
    "a,b",
    "shop.test:1",
  ])("%s", async (hostName) => {
    expect(await register("x", { hostName })).toBe(400);
  });
  test.each(["::1", "10.0.0.7", "stock_1.shop.svc", "fe80::1"])(
    "but %s is one",
    async (hostName) => {
      expect(await register("x", { hostName })).toBe(204);
    },
  );

  test("and a gateway takes none from a registry that is not ours", async () => {
    const lease = { lastRenewalTimestamp: 1 };
    const one = (hostName: string) => {
      const told = { status: "UP", port: { $: 80 }, lastUpdatedTimestamp: 1, leaseInfo: lease };
      return { instanceId: hostName, hostName, ...told };
    };
    const hosts = ["good@evil.test", "evil:80", "evil/x?", "stock.test", "::1"];
    const application = [{ name: "INVENTORY-SERVICE", instance: hosts.map(one) }];
    await using other = Bun.serve({
      port: 0,
      fetch: () => Response.json({ applications: { application } }),
    });
    const fixed = { users: null, products: null, orders: null, payment: null, inventory: null };
    const instances = followInstances({ registries: [other.url.origin], fixed, log });
    await until(() => instances.isHeard() === true, { withinMs: 5_000, what: "it was heard" });
    expect(instances.serving("inventory").map(({ url }) => url)).toEqual([
      "http://stock.test:80",
      "http://[::1]:80",
    ]);
    await instances.stop();
  });
});
