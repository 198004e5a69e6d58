import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { audit, type Acknowledged } from "#test/audit";
import { evidence } from "#test/evidence";
import { startLoad } from "#test/load";
import { createDatabase, startPostgres, startRedis, type TestServer } from "#test/servers";
import { startService } from "#test/service";
import { until } from "#test/until";

const AWAY_MS = 10_000;
/** Readiness asks every 2 s and waits 1.5 s for an answer. */
const NOTICED_MS_MAX = 6_000;
const TEST_MS_MAX = 60_000;

const Readiness = z.object({ status: z.string(), reasons: z.array(z.string()) });

async function startAll() {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  const database = await createDatabase(postgres);
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const api = await startService({ ...servers, role: "api" });
  const worker = await startService({ ...servers, role: "worker" });
  return { servers, redis, postgres, api, worker };
}

let all: Awaited<ReturnType<typeof startAll>>;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  all = await startAll();
}, TEST_MS_MAX);
afterAll(async () => {
  await Promise.all([all.api, all.worker].map((service) => service[Symbol.asyncDispose]()));
  await Promise.all([all.redis, all.postgres].map((server) => server.stop()));
});

async function readiness(): Promise<{ http: number; status: string; reasons: string[] }> {
  const response = await fetch(`${all.api.url}/health/ready`);
  return { http: response.status, ...Readiness.parse(await response.json()) };
}

const WAYS: readonly [
  how: string,
  leave: (server: TestServer) => Promise<void> | void,
  comeBack: (server: TestServer) => Promise<void> | void,
][] = [
  ["does not answer", (server) => server.pause(), (server) => server.resume()],
  ["is stopped", (server) => server.kill(), (server) => server.restart()],
];

test.each(WAYS)(
  "PostgreSQL %s for 10 s: no stock verb is refused, readiness is degraded, then drained in 10 s",
  async (how, leave, comeBack) => {
    await using load = await startLoad({
      url: all.api.url,
      users: 8,
      products: 6,
      units: 20_000,
      perSecondMax: 400,
      withoutLedger: true,
    });
    const before = load.acknowledged.length;
    const awayAt = performance.now();
    await leave(all.postgres);
    const degraded = await until(
      async () => {
        const seen = await readiness();
        return seen.status === "degraded" && seen;
      },
      { withinMs: NOTICED_MS_MAX, what: "readiness says degraded" },
    );
    expect(degraded.http).toBe(200);
    expect(degraded.reasons.join()).toContain("PostgreSQL");
    await until(() => performance.now() >= awayAt + AWAY_MS, {
      withinMs: AWAY_MS,
      what: "PostgreSQL was away long enough",
    });
    expect((await readiness()).status).toBe("degraded");
    const inBetween = load.acknowledged.length - before;
    await load.stop();
    await comeBack(all.postgres);

    expect(load.strange).toEqual([]);
    const refused = [...load.caller.attempts].filter(([key]) => /no answer| 5\d\d$/.test(key));
    expect(refused).toEqual([]);
    expect(inBetween).toBeGreaterThan(0);
    acknowledged.push(...load.acknowledged);
    const audited = await audit({ ...all.servers, acknowledged });
    await until(async () => (await readiness()).status === "healthy", {
      withinMs: NOTICED_MS_MAX,
      what: "readiness says healthy again",
    });
    evidence("PostgreSQL is away: no stock verb is refused, and the ledger catches up", {
      it: how,
      "for (s)": AWAY_MS / 1_000,
      "acknowledged meanwhile": inBetween,
      "drained after (ms)": audited.drainedInMs,
    });
  },
  TEST_MS_MAX,
);
