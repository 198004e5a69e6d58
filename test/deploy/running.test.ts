/**
 * The shop as the manifests have it, started for real: each process with its own container's arguments
 * and environment, in production, its own port and those of others put where the test has them.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Probe } from "kubernetes-types/core/v1";
import { z } from "zod";
import { startChild, type Child } from "#embedded/child";
import { REQUESTS_SERIES } from "#deploy/monitoring";
import { SERVICES } from "#deploy/services";
import { environmentOf, given, SECRETS, workload, type Workload } from "#test/cluster";
import { ROOT } from "#test/packaging";
import { startPostgres, startRedis, temporaryFolder } from "#test/servers";
import { until } from "#test/until";

const START_MS_MAX = 60_000;
const SOON = { withinMs: START_MS_MAX };

/**
 * Below those that the system gives out: all of them are fixed before the first process starts, and
 * a connection that somebody opens meanwhile must not have the port of one that starts later.
 */
function lowPort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Bun.listen({ hostname: "0.0.0.0", port, socket: { data: () => {} } }).stop(true);
      return port;
    } catch {
      // Somebody listens there.
    }
  }
}

const ports = new Map(SERVICES.map(({ name }) => [name, lowPort()] as const));
const folder = temporaryFolder("cluster");
let redis: Awaited<ReturnType<typeof startRedis>>;
let database: Awaited<ReturnType<typeof startPostgres>>;
const running = new Map<string, Child>();

beforeAll(async () => {
  [redis, database] = await Promise.all([startRedis(), startPostgres({ fsync: true })]);
  const job = start(workload("migrate"));
  await until(() => job.hasExited(), { ...SOON, what: "the job has ended" });
  expect([await job.exited, job.log()]).toEqual([0, expect.stringContaining("applied 0001")]);
  // The last first: no order matters.
  for (const { name } of SERVICES.toReversed()) running.set(name, start(workload(name)));
}, START_MS_MAX);

afterAll(async () => {
  for (const child of running.values()) await child.end("SIGKILL", START_MS_MAX);
  await redis.stop();
  await database.stop();
}, START_MS_MAX);

/** A process as the container of a pod. */
function start({ name, container }: Workload): Child {
  const env = Object.entries(environmentOf(container)).map(([variable, value]) => [
    variable,
    variable === "REDIS_URL"
      ? redis.url
      : variable === "DATABASE_URL"
        ? database.url
        : placed(value),
  ]);
  const port = SERVICES.find((service) => service.name === name)?.name;
  const at = port === undefined ? "0" : `${ports.get(port)}`;
  return startChild({
    command: [process.execPath, `${ROOT}/src/main.ts`, ...given(container.args)],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      ...Object.fromEntries(env),
      ADVERTISE_HOST: "127.0.0.1",
      [PORT_OF[name] ?? `${name.toUpperCase()}_PORT`]: at,
    },
    logFile: `${folder}/${name}.log`,
    endSignal: "SIGTERM",
  });
}

const PORT_OF: Readonly<Record<string, string>> = { api: "PORT", worker: "WORKER_PORT" };

/** A URL of the cluster, where the test has that service. */
const placed = (text: string): string =>
  SERVICES.reduce(
    (left, { name, port }) =>
      left.replaceAll(
        new RegExp(`(//|@)${name}:${port}\\b`, "g"),
        `$1127.0.0.1:${ports.get(name)}`,
      ),
    text,
  );

const urlOf = (name: string, path: string): string =>
  `http://127.0.0.1:${given([...ports].find(([one]) => one === name))[1]}${path}`;

const statusOf = async (name: string, path: string): Promise<number> => {
  const answer = await fetch(urlOf(name, path)).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status ?? 0;
};

describe.each(SERVICES.map(({ name }) => name))("%s", (name) => {
  test(
    "starts as its container does, and answers every probe",
    async () => {
      const { container } = workload(name);
      const pathOf = (probe: Probe | undefined): string => given(probe?.httpGet?.path);
      const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
      for (const path of probes.map(pathOf)) {
        const child = given(running.get(name));
        await until(async () => child.hasExited() || (await statusOf(name, path)) === 200, {
          ...SOON,
          what: `${name} answers ${path}`,
        });
        expect([path, child.hasExited() ? child.log() : "runs"]).toEqual([path, "runs"]);
      }
      expect(await statusOf(name, "/health/other")).toBe(404);
    },
    START_MS_MAX,
  );
});

const asked = async (method: string, path: string, token: string | null, body?: object) => {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const { authorization: _, ...bare } = headers;
  const answer = await fetch(urlOf("gateway", path), {
    method,
    headers: token === null ? bare : headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: z.looseObject({}).parse(await answer.json()) };
};

test(
  "together they are a shop: a product gets its stock, an order takes of it, and nobody changes either without a token",
  async () => {
    const secret = SECRETS["SERVICE_CLIENT_SECRET"];
    const grant = {
      grant_type: "client_credentials",
      client_id: "companions",
      client_secret: secret,
    };
    const signedIn = await asked("POST", "/api/auth/token", null, grant);
    const token = z.string().parse(signedIn.body["access_token"]);
    const mouse = { name: "Mouse", price: 49.99, initialStock: 7 };
    expect((await asked("POST", "/api/products", null, mouse)).status).toBe(401);
    const made = await asked("POST", "/api/products", token, mouse);
    expect(made.status).toBe(201);
    const productId = z.union([z.int(), z.string()]).parse(made.body["id"]);
    const path = `/api/inventory/product/${productId}`;
    await until(async () => (await asked("GET", path, null)).status === 200, {
      ...SOON,
      what: "its item has followed",
    });
    expect((await asked("GET", path, null)).body).toMatchObject({ availableStock: 7 });
    const order = { customerId: "alice", items: [{ productId, quantity: 2 }] };
    expect((await asked("POST", "/api/orders", null, order)).status).toBe(401);
    expect((await asked("POST", "/api/orders", token, order)).status).toBe(201);
    expect((await asked("GET", path, null)).body).toMatchObject({ availableStock: 5 });
    const isKnown = async (): Promise<boolean> => {
      const { services } = z
        .object({ services: z.array(z.looseObject({ name: z.string() })) })
        .parse((await asked("GET", "/registry/instances", null)).body);
      return services.length === SERVICES.length - 2;
    };
    await until(isKnown, { ...SOON, what: "all are registered but the worker and the registry" });
  },
  START_MS_MAX,
);

test("what the autoscaler and alarms look at is told to who has the token, by api and worker", async () => {
  const authorization = `Bearer ${SECRETS["METRICS_TOKEN"]}`;
  for (const name of ["api", "worker"]) {
    expect([name, await statusOf(name, "/metrics")]).toEqual([name, 401]);
    const told = await fetch(urlOf(name, "/metrics"), { headers: { authorization } });
    expect([name, told.status]).toEqual([name, 200]);
    expect(await told.text()).toContain(`# TYPE ${REQUESTS_SERIES} counter`);
  }
});

test(
  "all end by themselves in their time",
  async () => {
    const graces = SERVICES.map(({ name }) =>
      given(workload(name).pod.terminationGracePeriodSeconds),
    );
    const withinMs = Math.min(...graces) * 1_000;
    const children = [...running];
    await Promise.all(children.map(([, child]) => child.end("SIGTERM", withinMs)));
    const codes = await Promise.all(
      children.map(async ([name, child]) => [name, await child.exited]),
    );
    expect(codes).toEqual(children.map(([name]) => [name, 0]));
  },
  START_MS_MAX,
);
