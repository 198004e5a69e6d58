/** A process and its service registry: there while it serves, and never in its way. */
import { afterAll, expect, test } from "bun:test";
import { SERVICE } from "#registry/instance";
import { startEurekaRegistry, startSilentServer } from "#test/eureka-registry";
import { startRedis, testDatabase } from "#test/servers";
import { startService, type Service } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const WITHIN_MS = 10_000;
/** The notice of a stop, the registry's bound, and what a busy machine adds. */
const STOP_MS_MAX = 4_000;
const REQUESTS = 20;

const redis = await startRedis();
const database = await testDatabase();
const servers = { redisUrl: redis.url, databaseUrl: database.url };
afterAll(async () => {
  await redis.stop();
  await database[Symbol.asyncDispose]();
});

const metricsOf = async (service: Service): Promise<string> =>
  (await fetch(`${service.url}/metrics`)).text();

test(
  "a process registers where it serves, and is off the registry when it has stopped",
  async () => {
    await using registry = startEurekaRegistry();
    const env = { EUREKA_URL: registry.url };
    await using service = await startService({ ...servers, env });
    await until(() => registry.instances(SERVICE).length === 1, {
      withinMs: WITHIN_MS,
      what: "it is registered",
    });
    const [instance] = registry.instances(SERVICE);
    const port = Number(new URL(service.url).port);
    expect(instance).toMatchObject({
      instanceId: `127.0.0.1:inventory-service:${port}`,
      hostName: "127.0.0.1",
      ipAddr: "127.0.0.1",
      port: { $: port, "@enabled": "true" },
      status: "UP",
    });
    expect((await fetch(String(instance?.["healthCheckUrl"]))).status).toBe(200);
    await until(async () => (await metricsOf(service)).includes("_registry_registered 1\n"), {
      withinMs: WITHIN_MS,
      what: "it knows that it is registered",
    });
    service.signal("SIGTERM");
    expect(await service.exitCode()).toBe(0);
    expect(registry.instances(SERVICE)).toEqual([]);
    expect(registry.count("DELETE", 200)).toBe(1);
  },
  TEST_MS_MAX,
);

test(
  "a process that stops is off the registry while it still answers what it has taken",
  async () => {
    await using registry = startEurekaRegistry();
    const env = { EUREKA_URL: registry.url };
    await using service = await startService({ ...servers, env });
    await until(() => registry.instances(SERVICE).length === 1, {
      withinMs: WITHIN_MS,
      what: "it is registered",
    });
    // A request whose body does not end keeps the listener until its deadline.
    using request = await openRequest(service.url);
    await metricsOf(service);
    service.signal("SIGTERM");
    await until(() => registry.count("DELETE", 200) === 1, {
      withinMs: STOP_MS_MAX,
      what: "it is off the registry",
    });
    expect(service.hasExited()).toBe(false);
    request.finish();
    expect(await service.exitCode()).toBe(0);
    expect(request.answer()).toStartWith("HTTP/1.1 ");
  },
  TEST_MS_MAX,
);

test(
  "ADVERTISE_HOST and ADVERTISE_PORT are where others are sent, and a kill leaves that to the lease",
  async () => {
    let now = 0;
    await using registry = startEurekaRegistry({ now: () => now });
    const advertised = { ADVERTISE_HOST: "stock.test", ADVERTISE_PORT: "80" };
    const env = { EUREKA_URL: `${registry.url}/eureka`, ...advertised };
    await using service = await startService({ ...servers, env });
    await until(() => registry.instances(SERVICE).length === 1, {
      withinMs: WITHIN_MS,
      what: "it is registered",
    });
    expect(registry.instances(SERVICE)).toEqual([
      expect.objectContaining({
        instanceId: "stock.test:inventory-service:80",
        hostName: "stock.test",
        port: { $: 80, "@enabled": "true" },
      }),
    ]);
    await service.kill();
    expect(registry.count("DELETE", 200)).toBe(0);
    expect(registry.instances(SERVICE)).toHaveLength(1);
    now += 90_000;
    expect(registry.instances(SERVICE)).toEqual([]);
  },
  TEST_MS_MAX,
);

test(
  "a registry that never answers delays no request and no stop; a worker does not ask it",
  async () => {
    using silent = startSilentServer();
    const env = { EUREKA_URL: silent.url };
    await using worker = await startService({ ...servers, env, role: "worker" });
    expect(silent.connections()).toBe(0);
    await using service = await startService({ ...servers, env, role: "api" });
    await until(() => silent.connections() > 0, { withinMs: WITHIN_MS, what: "it asks" });
    const answers = Array.from({ length: REQUESTS }, async () => {
      const response = await fetch(`${service.url}/health/ready`, {
        signal: AbortSignal.timeout(1_000),
      });
      return response.status;
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    const stoppedAt = performance.now();
    service.signal("SIGTERM");
    expect(await service.exitCode()).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(STOP_MS_MAX);
    expect(service.output()).toContain("a registry was not told of the stop");
    expect(worker.output()).not.toContain("registry");
  },
  TEST_MS_MAX,
);

const BODY = JSON.stringify({ items: [{ productId: "unknown", quantity: 1 }] });

/** A request whose last byte is sent by `finish`. */
async function openRequest(url: string) {
  const { hostname, port, host } = new URL(url);
  let answer = "";
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data: (_socket, bytes) => void (answer += bytes.toString()) },
  });
  const lines = [
    "POST /api/inventory/check-availability HTTP/1.1",
    `Host: ${host}`,
    "Content-Type: application/json",
    `Content-Length: ${BODY.length}`,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n${BODY.slice(0, -1)}`);
  return {
    answer: () => answer,
    finish: () => void socket.write(BODY.slice(-1)),
    [Symbol.dispose]: () => void socket.end(),
  };
}
