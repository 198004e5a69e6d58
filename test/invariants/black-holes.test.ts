/** A network that swallows what is sent, and a client that hears nothing of it. */
import { afterAll, beforeAll, test } from "bun:test";
import type { Acknowledged } from "#test/audit";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { survive, whileBehind, type Outage } from "#test/outage";
import { counted } from "#test/scale";
import { spreadOf } from "#test/spread";
import { startStallingProxy, type StallingProxy } from "#test/stalling-proxy";

const TIMES = counted(1, 25);
/** Short, so that an outage is longer than what any request may take. */
const DEADLINE_MS = 2_000;
/** Longer than a silent connection to Redis is kept (2 s): copies arrive after their connection. */
const OUTAGE_MS = 4_000;
const TEST_MS_MAX = counted(60_000, 60 * 60_000);

let all: Installation;
const proxies: StallingProxy[] = [];
/** Of the api to Redis, and of the worker to PostgreSQL. */
let toRedis: StallingProxy;
let toLedger: StallingProxy;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
  all = await startInstallation({
    api: async ({ redisUrl }) => {
      toRedis = await startStallingProxy(redisUrl);
      proxies.push(toRedis);
      return { env, redisUrl: toRedis.url };
    },
    worker: async ({ databaseUrl }) => {
      toLedger = await startStallingProxy(databaseUrl);
      proxies.push(toLedger);
      return { databaseUrl: toLedger.url };
    },
  });
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
  await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
});

async function liveThrough(
  guarantee: string,
  expected: Outage["expected"],
  outage: Pick<Outage, "begin" | "end">,
): Promise<void> {
  const seen = [];
  for (let time = 0; time < TIMES; time += 1) {
    const one = await survive(
      all,
      {
        ...outage,
        expected,
        codes: ["redis_unavailable", "outcome_unknown"],
        deadlineMs: DEADLINE_MS,
        lastsMsMin: OUTAGE_MS,
      },
      acknowledged,
    );
    seen.push(one);
  }
  const recovered = spreadOf(seen.map(({ recoveredMs }) => recoveredMs));
  const drained = spreadOf(seen.map(({ drainedMs }) => drainedMs));
  const figures = {
    outages: seen.length,
    "refused with 503": seen.reduce((sum, { refused }) => sum + refused, 0),
    "unknown with 504": seen.reduce((sum, { unknown }) => sum + unknown, 0),
    "served again (ms, max)": recovered.max,
    "ledger complete (ms, p50)": drained.p50,
    "ledger complete (ms, max)": drained.max,
  };
  evidence(guarantee, figures, { trials: seen.length });
}

const nothing = (): void => {};

test(
  "the way from the api to Redis is cut and heals: refused in time, and what arrives late has one effect",
  () =>
    liveThrough(
      "api to Redis is cut and heals: what arrives late has one effect",
      () => "refused",
      {
        begin: () => toRedis.hold(),
        end: () => toRedis.resume(),
      },
    ),
  TEST_MS_MAX,
);

test(
  "connections from the api to Redis are dead for ever: they are replaced, and nothing is done twice",
  () =>
    liveThrough("api to Redis is a black hole: its connections are replaced", () => "either", {
      begin: () => toRedis.swallow(),
      end: nothing,
    }),
  TEST_MS_MAX,
);

test(
  "the way from the worker to PostgreSQL is cut and heals: every change is served that needs no whole ledger, no gap in it",
  () =>
    liveThrough("worker to PostgreSQL is cut and heals: no gap in the ledger", whileBehind, {
      begin: () => toLedger.hold(),
      end: () => toLedger.resume(),
    }),
  TEST_MS_MAX,
);

test(
  "connections from the worker to PostgreSQL are dead for ever: they are replaced, no gap in the ledger",
  () =>
    liveThrough("worker to PostgreSQL is a black hole: no gap in the ledger", whileBehind, {
      begin: () => toLedger.swallow(),
      end: nothing,
    }),
  TEST_MS_MAX,
);
