/** `start api --workers N`: several processes on one port are one service. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readTexts } from "#config";
import { randomId } from "#lib/ids";
import { SERVICE } from "#registry/instance";
import { audit, type Acknowledged } from "#test/audit";
import { Caller, reservationIn } from "#test/caller";
import { moreEffects } from "#test/effects";
import { startEurekaRegistry } from "#test/eureka-registry";
import { startLoad } from "#test/load";
import { ROOT } from "#test/packaging";
import { childrenOf, connectionsOf } from "#test/processes";
import { startRawClients, type RawRequest } from "#test/raw-client";
import { startRedis, testDatabase } from "#test/servers";
import {
  commandOf,
  isRunning,
  JWT_SECRET,
  launchService,
  startService,
  tokenOf,
  type Service,
} from "#test/service";
import { until } from "#test/until";

const PROCESSES = 2;
/** Each on a connection of its own: one of two processes has none of them once in 2^99 runs. */
const CALLERS = 100;
const CLIENTS = 32;
const UNITS = 25;
const READS = 40;
const EFFECTS_MIN = 50;
/** Longer than the foreman waits for a process that does not count. */
const ANSWER_MS_MAX = 2_000;
const WITHIN_MS = 20_000;
const TEST_MS_MAX = 60_000;

const redis = await startRedis();
const database = await testDatabase();
const urls = { redisUrl: redis.url, databaseUrl: database.url };
const registry = startEurekaRegistry();
const admin = await tokenOf("admin", "administrator");
/** What any of these tests was told; none of it may be lost by what the others do. */
const acknowledged: Acknowledged[] = [];
let worker: Service;
let service: Service;

beforeAll(async () => {
  const env = { EUREKA_URL: registry.url, SAMPLE_DATA: "1" };
  service = await startService({ ...urls, role: "api", workers: PROCESSES, env });
  worker = await startService({ ...urls, role: "worker" });
  await servesWith(PROCESSES);
}, TEST_MS_MAX);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await redis.stop();
  await database[Symbol.asyncDispose]();
});

const portOf = (url: string): number => Number(new URL(url).port);
const registrations = (): number => registry.calls.filter(({ method }) => method === "POST").length;
const children = (): number[] => childrenOf(service.pid);

/** On a connection of its own, so that any of them may be asked. */
async function metricsOf(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, {
    keepalive: false,
    // One of them may answer nothing, and who asks that one waits in vain.
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  const lines = (await response.text()).split("\n").filter((line) => !line.startsWith("#"));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ""), Number(line.split(" ").at(-1))]));
}

const processesOf = async (): Promise<number> =>
  (await metricsOf(service.url)).get("holdfast_processes") ?? 0;

const servesWith = (count: number): Promise<unknown> =>
  until(async () => children().length === count && (await processesOf()) === count, {
    withinMs: WITHIN_MS,
    what: `${count} processes serve`,
  });

async function make(productId: string, initialStock: number): Promise<void> {
  const body = { productId, sku: `SKU-${productId}`, initialStock };
  const caller = new Caller(service.url);
  const answer = await caller.once({ method: "POST", path: "/initialize", token: admin, body });
  expect(answer.status).toBe(201);
}

function adjustment(): RawRequest {
  const requestId = randomId(16);
  const text = JSON.stringify({ quantity: 1, type: "RESTOCK" });
  const lines = [
    "PATCH /api/inventory/product/kept/stock HTTP/1.1",
    `Host: ${new URL(service.url).host}`,
    `Authorization: Bearer ${admin}`,
    `X-Request-Id: ${requestId}`,
    `Idempotency-Key: ${requestId}`,
    "Content-Type: application/json",
    `Content-Length: ${text.length}`,
  ];
  return { requestId, text: `${lines.join("\r\n")}\r\n\r\n${text}` };
}

test(
  "what is done once is done by one process: samples and the registration",
  async () => {
    const made = service.output().match(/made \d+ sample products .*/g);
    expect(made).toEqual([expect.stringMatching(/^made \d+ .* process=1$/)]);
    await until(() => registry.instances(SERVICE).length === 1, {
      withinMs: WITHIN_MS,
      what: "it is registered",
    });
    expect(registry.instances(SERVICE)[0]).toMatchObject({
      instanceId: `127.0.0.1:inventory-service:${portOf(service.url)}`,
    });
    expect(registrations()).toBe(1);
    expect((await metricsOf(service.url)).get("holdfast_registry_registered")).toBe(1);
  },
  TEST_MS_MAX,
);

test(
  "connections are spread over the processes, and a race through all of them sells each unit once",
  async () => {
    await make("last-units", UNITS);
    // One that was started again a moment ago takes no connections before it serves.
    await until(async () => (await processesOf()) === PROCESSES, {
      withinMs: WITHIN_MS,
      what: "all processes serve",
    });
    const caller = new Caller(service.url);
    const path = "/product/last-units/reserve";
    const race = Array.from({ length: CALLERS }, () => {
      const body = { quantity: 1, orderId: randomId(8) };
      return caller.once({ method: "POST", path, token: admin, body });
    });
    const answers = await Promise.all(race);
    // They are kept for the next requests of this client, and show who answered.
    const held = children().map((pid) => connectionsOf(pid, portOf(service.url)));
    expect(held.filter((connections) => connections > 0)).toHaveLength(PROCESSES);
    const won = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status === 409);
    expect([won.length, refused.length]).toEqual([UNITS, CALLERS - UNITS]);
    for (const answer of won) {
      const { reservationId } = reservationIn(answer);
      const { requestId } = answer;
      acknowledged.push({ requestId, type: "RESERVE", units: 1, reservationId });
    }
    await audit({ ...urls, acknowledged });
  },
  TEST_MS_MAX,
);

test(
  "/metrics counts the requests of all processes, whichever is asked",
  async () => {
    await make("counted", 1);
    const caller = new Caller(service.url);
    const read = { method: "GET", path: "/product/counted", token: admin } as const;
    const line =
      'holdfast_http_requests_total{contract="inventory",route="/api/inventory/product/:productId",status="200"}';
    const before = (await metricsOf(service.url)).get(line) ?? 0;
    const told = await Promise.all(Array.from({ length: READS }, () => caller.once(read)));
    expect(told.map(({ status }) => status)).toEqual(told.map(() => 200));
    // Each on a connection of its own: all of them by one of two processes once in 2^19 runs.
    for (let asked = 0; asked < 20; asked += 1) {
      const metrics = await metricsOf(service.url);
      expect(metrics.get(line)).toBe(before + READS);
      expect(metrics.get("holdfast_processes")).toBe(PROCESSES);
    }
  },
  TEST_MS_MAX,
);

test(
  "kill -9 of a process under load: nothing acknowledged is lost or doubled, and it is started again",
  async () => {
    const before = await metricsOf(service.url);
    await using load = await startLoad({ url: service.url, users: 12, products: 4, units: 5_000 });
    await moreEffects(load, EFFECTS_MIN);
    // The one that made the samples and is registered.
    const isFirst = (pid: number): boolean => commandOf(pid).includes("--process\x001");
    const victim = children().find(isFirst) ?? 0;
    const others = children().filter((pid) => pid !== victim);
    process.kill(victim, "SIGKILL");
    await moreEffects(load, EFFECTS_MIN);
    await servesWith(PROCESSES);
    await moreEffects(load, EFFECTS_MIN);
    await load.stop();
    expect(load.strange).toEqual([]);
    expect(isRunning(victim)).toBe(false);
    expect(children()).toEqual(expect.arrayContaining(others));
    const output = service.output();
    expect(output).toMatch(/a process ended and is started again process=1 exitCode=137 pauseMs=/);
    expect(output).toContain("a process serves again process=1");
    await until(() => registrations() === 2, { withinMs: WITHIN_MS, what: "it registers again" });
    // What the dead one had counted, and was last asked for, stays counted.
    const after = await metricsOf(service.url);
    const fell = [...before].filter(
      ([name, count]) => /_(total|count|sum|bucket)\b/.test(name) && (after.get(name) ?? 0) < count,
    );
    expect(fell).toEqual([]);
    acknowledged.push(...load.acknowledged);
    await audit({ ...urls, acknowledged });
  },
  TEST_MS_MAX,
);

test(
  "a process that answers nothing is left out of the metrics, then killed and started again",
  async () => {
    const [, stuck = 0] = children();
    process.kill(stuck, "SIGSTOP");
    await until(async () => (await processesOf()) === PROCESSES - 1, {
      withinMs: WITHIN_MS,
      what: "it is left out",
    });
    await until(() => !isRunning(stuck), { withinMs: WITHIN_MS, what: "it is killed" });
    await servesWith(PROCESSES);
    expect(service.output()).toMatch(/a process answers nothing and is killed process=\d/);
  },
  TEST_MS_MAX,
);

test(
  "a stop answers what is in flight in every process, and exits with 0",
  async () => {
    await make("kept", 0);
    const clients = startRawClients(service.url, CLIENTS, adjustment);
    await until(() => (clients.answers.get("200") ?? 0) > 200, {
      withinMs: WITHIN_MS,
      what: "the load runs",
    });
    const ended = [...children(), service.pid];
    // As whoever stops a whole group does: each hears it from the sender, and from the foreman.
    for (const pid of ended) process.kill(pid, "SIGTERM");
    await clients.ended;
    expect(await service.exitCode()).toBe(0);
    expect(ended.filter(isRunning)).toEqual([]);
    expect(clients.answers.get("lost") ?? 0).toBe(0);
    expect([...clients.answers.keys()].filter((it) => !/^(200|503|refused .*)$/.test(it))).toEqual(
      [],
    );
    expect(service.output().match(/stopped process=\d exitCode=0/g)).toHaveLength(PROCESSES);
    expect(service.output().trim()).toEndWith("stopped exitCode=0");
    expect(registry.instances(SERVICE)).toEqual([]);
    for (const { status, requestId } of clients.bodies) {
      if (status !== 200) continue;
      acknowledged.push({ requestId, type: "RESTOCK", units: 1, reservationId: null });
    }
    await audit({ ...urls, acknowledged });
  },
  TEST_MS_MAX,
);

test(
  "kill -9 of the foreman ends every process, also where it found the port by itself",
  async () => {
    const many = launchService({ ...urls, role: "api", workers: PROCESSES, env: { PORT: "0" } });
    const [, url = ""] = await until(
      () => /serving .* on (http:\/\/localhost:\d+) /.exec(many.output()) ?? false,
      { withinMs: WITHIN_MS, what: "it serves" },
    );
    expect((await metricsOf(url)).get("holdfast_processes")).toBe(PROCESSES);
    const started = childrenOf(many.pid);
    expect(started).toHaveLength(PROCESSES);
    await many.kill();
    await until(() => !started.some(isRunning), { withinMs: WITHIN_MS, what: "all have ended" });
    const again = (): boolean => {
      const socket = { data: (): void => {} };
      Bun.listen({ hostname: "127.0.0.1", port: portOf(url), socket }).stop(true);
      return true;
    };
    await until(again, { withinMs: WITHIN_MS, what: "the port is free" });
  },
  TEST_MS_MAX,
);

test(
  "processes that cannot start end the foreman with 1, and say why once",
  async () => {
    const env = { PARTITIONS: "2" };
    const many = launchService({ ...urls, role: "api", workers: PROCESSES, env });
    expect(await many.exitCode()).toBe(1);
    expect(many.output().match(/this store was created with 1 partitions/g)).toHaveLength(1);
    expect(many.output()).not.toMatch(/^ +at /m);
  },
  TEST_MS_MAX,
);

test(
  "the first process does not join whoever else shares its port",
  async () => {
    const fetchNothing = (): Response => new Response();
    const hostname = "127.0.0.1";
    using other = Bun.serve({ hostname, port: 0, reusePort: true, fetch: fetchNothing });
    const child = Bun.spawn([process.execPath, "src/main.ts", "start", "api", "--process", "1"], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "ignore", "pipe"],
      ipc: () => {},
    });
    const settings = {
      ...readTexts({ REDIS_URL: urls.redisUrl, DATABASE_URL: urls.databaseUrl, JWT_SECRET }),
      PORT: `${other.port}`,
    };
    child.send({ kind: "begin", settings, sharing: "first", connectionsMax: 2 });
    expect(await child.exited).toBe(1);
    expect(await child.stderr.text()).toStartWith(`cannot listen on 127.0.0.1:${other.port}: `);
  },
  TEST_MS_MAX,
);
