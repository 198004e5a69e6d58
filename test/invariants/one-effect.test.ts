import { expect, test } from "bun:test";
import postgres from "postgres";
import { audit } from "#test/audit";
import { Caller } from "#test/caller";
import { evidence } from "#test/evidence";
import { withinMs } from "#test/expiring-load";
import { startFaultyProxy, FAULTS, type Fault, type FaultyProxy } from "#test/faulty-proxy";
import { ROUTES } from "#test/http-app";
import { deliver, deliverBare, newDeliveries } from "#test/one-effect";
import { adjust, CASES, prepare, type World } from "#test/one-effect-cases";
import { HOLD_MINUTES } from "#test/one-effect-holds";
import { Random } from "#test/random";
import { isStockCall, redisWire } from "#test/redis-proxy";
import { counted, seed as seedOfRun } from "#test/scale";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { reserveCommand, timed } from "#test/store";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";
import { requestsOf } from "#test/wire-units";

/** Each registers a location, of which there may be 1 000. */
const ROUNDS = counted(9, 900);
/** Rounds under way at once. */
const LANES = 9;
const BARE_LANES = 3;
const TEST_MS_MAX = counted(60_000, 3_600_000);
const DELAY_MS_MAX = 40;
/** Longer than a repeat and than what follows it take. */
const LATE_MS_MAX = 400;
const PRODUCTS = 3;

/** Below the time after which a silent connection is given up, so that some hear "unknown". */
const SETTINGS = { REQUEST_DEADLINE_MS: "1200", RESERVATION_MINUTES: `${HOLD_MINUTES}` };
/** Part of the operations that have no identity but the name of their batch. */
const BARE = 0.4;
/** Requests between two of the faults that each run has at least once. */
const OWED_EVERY = 20;

/** How often what happens to a request, in a thousand. */
type Weights = Readonly<Record<Fault | "pass", number>>;
/** Between API and Redis. A silent connection is given up after 1.5 s, so there are few of them. */
const TO_REDIS: Weights = {
  pass: 880,
  delay: 40,
  lose: 18,
  half: 12,
  drop: 12,
  hold: 14,
  copy: 22,
  silence: 2,
};
/** Between client and API. */
const TO_API: Weights = {
  pass: 760,
  delay: 60,
  lose: 40,
  half: 30,
  drop: 30,
  hold: 30,
  copy: 50,
  silence: 0,
};

const seed = seedOfRun();
console.log(`one effect: seed ${seed}; HOLDFAST_TEST_SEED=${seed} has its choices again`);
const random = new Random(seed);
const line = { isCalm: true };

const lateness = {
  delayMs: () => random.whole(1, DELAY_MS_MAX),
  lateMs: () => random.whole(1, LATE_MS_MAX),
};

test("every route that changes something has a case", () => {
  const names = ROUTES.filter(({ mutation }) => mutation).map((it) => `${it.method} ${it.path}`);
  expect(names.length).toBeGreaterThan(10);
  const missing = names.filter((name) => !CASES.has(name));
  const advice = "has no case: say in test/support/one-effect-cases.ts what it does and undoes";
  expect(missing.map((name) => `${name} ${advice}`)).toEqual([]);
  expect([...CASES.keys()].filter((name) => !names.includes(name))).toEqual([]);
});

test(
  "each change has one effect, however often it is delivered and whatever its lines lose",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using toRedis = await startFaultyProxy({
      ...redisWire(redis.url),
      ...lateness,
      choose: chooser(TO_REDIS, isStockCall),
    });
    await using api = await startService({
      ...servers,
      redisUrl: toRedis.url,
      role: "api",
      env: SETTINGS,
    });
    await using worker = await startService({ ...servers, role: "worker" });
    await using toApi = await startFaultyProxy({
      url: api.url,
      unitsOf: requestsOf,
      alone: (request) => request.toString(),
      ...lateness,
      choose: chooser(TO_API, () => true),
    });
    await using stores = await openStoresOf(redis.url, database.url);
    const to = newDeliveries(random, toApi.url.replace(/\/$/, ""), api.url);
    const short = { holds: 0, dueMs: 0 };
    const world: World = {
      to,
      products: Array.from({ length: PRODUCTS }, (_, i) => `shared-${i}`),
      admin: await tokenOf("admin", "administrator"),
      customer: await tokenOf("customer", "customer-1"),
      async shortHold() {
        const product = random.pick(world.products);
        const order = `short ${(short.holds += 1)}`;
        const more = { holdSeconds: 1, deadline: withinMs() };
        const outcome = await stores.store.reserve(reserveCommand(order, { [product]: 1 }, more));
        if (outcome.kind !== "reserved") throw new Error(`a short hold is ${outcome.kind}`);
        short.dueMs = Math.max(short.dueMs, timed(outcome.reservation).expiresAt);
      },
    };
    await prepare(world);

    line.isCalm = false;
    const rounds = { left: ROUNDS, areOver: false };
    const lane = async (): Promise<void> => {
      while (rounds.left > 0 && to.strange.length === 0) {
        rounds.left -= 1;
        for (const make of random.shuffled([...CASES.values()])) {
          const operation = await make(world);
          await (random.next() < BARE ? deliverBare(to, operation) : deliver(to, operation));
        }
      }
    };
    /** Adjusts without a key, one after the other: batches that only their names tell apart. */
    const bareLane = async (): Promise<void> => {
      while (!rounds.areOver) {
        const productId = random.pick(world.products);
        await deliverBare(to, adjust(world, productId, random.whole(1, 9)));
      }
    };
    const bareLanes = Array.from({ length: BARE_LANES }, bareLane);
    await Promise.all(Array.from({ length: LANES }, lane)).finally(() => (rounds.areOver = true));
    await Promise.all(bareLanes);
    line.isCalm = true;
    await Promise.all([toRedis.release(), toApi.release()]);

    expect(to.strange).toEqual([]);
    await until(() => stores.store.msUntil(0, short.dueMs / 1_000) <= 0, {
      withinMs: 5_000,
      what: "every short hold is due",
    });
    const cleanUp = { method: "POST", path: "/cleanup-expired", token: world.admin } as const;
    expect((await new Caller(api.url).call(cleanUp)).status).toBe(200);
    expect([api.hasExited(), worker.hasExited()]).toEqual([false, false]);
    const audited = await audit({ ...servers, acknowledged: to.acknowledged });
    expect(await movementsOf(database.url, to.refused)).toBe(0);
    const perhaps = await movementsOf(database.url, to.unknown);
    // A hold that is due takes a movement to make and one to release.
    expect(audited.movements).toBe(to.counts.movements + perhaps + 2 * short.holds);
    // Or nothing was tried of what is promised of copies that come late.
    const { replayed, bare } = to.counts;
    const late = lateAt(toRedis);
    expect(Object.entries({ replayed, bare, ...late }).filter(([, times]) => times === 0)).toEqual(
      [],
    );
    const faults = { ...told("redis", toRedis), ...told("http", toApi) };
    expect([toRedis.faults.size, toApi.faults.size]).toEqual([FAULTS.length, FAULTS.length - 1]);
    evidence(
      "one effect",
      {
        rounds: ROUNDS,
        seed,
        ...to.counts,
        refused: to.refused.length,
        unknown: to.unknown.length,
        ...faults,
        ...late,
      },
      { trials: ROUNDS },
    );
  },
  TEST_MS_MAX,
);

async function movementsOf(databaseUrl: string, requestIds: readonly string[]): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1 });
  try {
    const ids = [...requestIds];
    const rows = await sql`SELECT FROM movements WHERE request_id = ANY(${ids})`;
    return rows.length;
  } finally {
    await sql.end();
  }
}

/** Chance by weights; and each fault that has a weight, once, at the beginning. */
function chooser(weights: Weights, isMeant: (request: Buffer) => boolean) {
  const owed = random.shuffled(FAULTS.filter((fault) => weights[fault] > 0));
  let requests = 0;
  return (request: Buffer): Fault | "pass" => {
    if (line.isCalm || !isMeant(request)) return "pass";
    requests += 1;
    const due = requests % OWED_EVERY === 0 ? owed.pop() : undefined;
    return due ?? random.weighed(weights, "pass");
  };
}

const told = (name: string, { faults }: FaultyProxy) =>
  Object.fromEntries([...faults].map(([fault, count]) => [`${name} ${fault}`, count]));

/** What late batches were told: that they were overtaken, or what their repeat was told. */
function lateAt({ late }: FaultyProxy) {
  const overtaken = late.filter((answer) => answer.includes("superseded")).length;
  return { "late at Redis": late.length, overtaken };
}
