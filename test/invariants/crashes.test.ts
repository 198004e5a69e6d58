import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import postgres from "postgres";
import type { Stores } from "#compose/stores";
import { compared } from "#faults/compared";
import { makeFresh, timeIn, untilInTime, type FreshHolds } from "#faults/due-holds";
import { LAG_MS_MAX, ON_TIME_MS_MAX } from "#faults/fault";
import { lagMsOf, lagOf } from "#faults/lag";
import * as laws from "#faults/laws";
import { stockSeen } from "#faults/stock-seen";
import { audit, type Acknowledged } from "#test/audit";
import { moreEffects } from "#test/effects";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { startLoad, type Load } from "#test/load";
import { startReaders, type Readers } from "#test/readers";
import { counted, seed, seedBehind } from "#test/scale";
import { makeProduct } from "#test/short-holds";
import { spreadOf } from "#test/spread";
import { tokenOf } from "#test/service";
import { openStoresOf, untilOpen } from "#test/stores";
import { until } from "#test/until";

/** Of each part, one after the other. */
const KILLS = counted(3, 100);
/** Effects that must be acknowledged before and after the blow, so that it falls under load. */
const EFFECTS_MIN = 200;
const RECOVERED_MS_MAX = 10_000;
/** Audits read all that an installation has lived through: after so many it is made anew. */
const KILLS_OF_ONE_MAX = 16;
/** Commands are given up after 1.5 s, their connections after 2 s. */
const PAUSE_MS = 3_000;
/** Changes without an Idempotency-Key that fall into the pause. */
const PLAIN = 20;
const LOAD = { users: 16, products: 6, units: 5_000 };
/** Who notice where time goes back. */
const READERS = 2;
/** Of the holds that fall due at the blow, and when the load has stopped: users end what is due. */
const DUE_SECONDS = [1] as const;
const DUE_UNITS = 1_000;
const TEST_MS_MAX = counted(60_000, 2 * 60 * 60_000);

/** What is killed, and what it must not harm. */
const VICTIMS = [
  ["api", "kill -9 of the api under load: nothing acknowledged is lost or doubled"],
  ["worker", "kill -9 of the worker under load: nothing acknowledged is lost or doubled"],
  ["redis", "kill -9 of Redis under load: nothing acknowledged is lost or doubled"],
  ["postgres", "kill -9 of PostgreSQL under load: nothing acknowledged is lost or doubled"],
] as const;

let all: Installation;
/** One more process of it, as the APIs are, that makes holds of a second: those know minutes. */
let beside: Stores & AsyncDisposable;
let kills = 0;
/** Each blow meets other choices of the users: a hundred times the same would be one trial. */
const first = seed();
/** Over all crashes of one installation: what one of them kept, the next must keep too. */
let acknowledged: Acknowledged[] = [];

beforeAll(begin, TEST_MS_MAX);
afterAll(end);

async function begin(): Promise<void> {
  all = await startInstallation();
  beside = await openStoresOf(all.servers.redisUrl, all.servers.databaseUrl);
  acknowledged = [];
}

async function end(): Promise<void> {
  await beside[Symbol.asyncDispose]();
  await all[Symbol.asyncDispose]();
}

async function renewed(): Promise<Installation> {
  kills += 1;
  if (kills % KILLS_OF_ONE_MAX === 0) {
    await end();
    await begin();
  }
  return all;
}

/** One blow under load; answers how long after it a change was served, and all was up again. */
async function survive(victim: (typeof VICTIMS)[number][0]) {
  const installation = await renewed();
  const { api } = installation;
  const choices = seedBehind(first, kills);
  await untilOpen(beside);
  await using load = await startLoad({ ...LOAD, url: api.url, seed: choices });
  const { productIds } = load;
  await using readers = await startReaders({
    count: READERS,
    urls: [api.url],
    productIds,
    seed: choices,
  });
  const short = { productId: `short-${kills}`, made: Array.of<Acknowledged>() };
  await makeProduct(beside, short.productId, DUE_UNITS, short.made);
  const atBlow = await makeFresh(beside, short.productId, short.made, DUE_SECONDS);
  await moreEffects(load, EFFECTS_MIN);
  const readsBefore = readers.reads;
  const killedAt = performance.now();
  const sinceMs = (): number => Math.round(performance.now() - killedAt);
  await installation[victim].kill();
  const restarting = installation[victim].restart().then(sinceMs);
  const productId = `after-${kills}`;
  const probe = { productId, sku: productId, initialStock: 1 };
  const token = await tokenOf("admin", "administrator");
  const request = { method: "POST", path: "/initialize", token, body: probe } as const;
  const { status } = await load.caller
    .call({ ...request, key: productId })
    .catch((error: unknown) => {
      throw new Error(`the api printed:\n${api.output()}`, { cause: error });
    });
  expect(status).toBe(201);
  const servedMs = sinceMs();
  await untilOpen(beside);
  const behind = await makeFresh(beside, short.productId, short.made, DUE_SECONDS);
  const restartedMs = await restarting;
  const endedAt = killedAt + restartedMs;
  const holds = { ...short, first: atBlow.union(behind) };
  const looked = await lookedAt({ load, readers, readsBefore, holds, endedAt });
  console.log(
    `kill ${kills}, of ${victim} (seed ${choices}): served after ${servedMs} ms, restarted after ${restartedMs} ms,`,
    `${load.acknowledged.length} acknowledged, repeated ${JSON.stringify(repeatedBy(load))},`,
    `${looked.movements} movements audited, ledger complete after ${looked.lagMs} ms;`,
    looked.saw,
  );
  return { servedMs, restartedMs, effects: load.acknowledged.length, ...looked };
}

/** Lets the load have some more effects and stops it; then holds all that there is to every law. */
async function lookedAt(trial: {
  readonly load: Load;
  readonly readers: Readers;
  /** When the blow fell: what was read before it saw nothing of it. */
  readonly readsBefore: number;
  /** By the process beside: of a product of their own. */
  readonly holds: Pick<FreshHolds, "productId" | "made" | "first">;
  /** Of `performance.now()`: when all was up again. */
  readonly endedAt: number;
}) {
  const { load, readers, readsBefore, holds, endedAt } = trial;
  const { servers, api, worker } = all;
  const redis = new Redis(servers.redisUrl);
  const sql = postgres(servers.databaseUrl, { max: 2, onnotice: () => {} });
  try {
    const caughtUp = lagOf({ redis, sql, endedAt, withinMs: LAG_MS_MAX });
    // Awaited later, whatever comes before.
    caughtUp.catch(() => undefined);
    const endedThere = (await timeIn(redis)) - (performance.now() - endedAt);
    await moreEffects(load, EFFECTS_MIN);
    await load.stop();
    await readers.stop();
    expect(load.strange).toEqual([]);
    // While the last of the holds fall due. The ledger follows before it is compared.
    const report = await compared(beside);
    const productIds = [...load.productIds, load.scarceId];
    const stock = await stockSeen({ urls: [api.url], redis, sql, productIds });
    const due = { redis, stores: beside, ...holds, endedAt: endedThere, withinMs: ON_TIME_MS_MAX };
    const rounds = await untilInTime(due);
    acknowledged.push(...load.acknowledged, ...holds.made);
    const { movements } = await audit({ ...servers, acknowledged });
    const lag = await caughtUp;
    const reads = { reads: readers.reads - readsBefore, wentBack: readers.wentBack };
    const checks = [
      laws.endsArePunctual(rounds, ON_TIME_MS_MAX),
      laws.ledgerCatchesUp(lag),
      laws.redisIsTheLedger(report),
      laws.availableAddsUp(stock),
      laws.readsNeverGoBack({ ...reads, rebuilds: 0, hasLost: false }),
      laws.everyProcessLives(
        Object.entries({ api, worker }).map(([name, service]) => {
          const hasExited = service.hasExited();
          return { name, hasExited, output: hasExited ? service.output().slice(-2_000) : "" };
        }),
      ),
    ];
    const broken = checks.flatMap((one) => laws.failuresOf(one).map((it) => `${one.name}: ${it}`));
    expect(broken).toEqual([]);
    return {
      movements,
      checks: checks.length,
      saw: checks.map(({ saw }) => saw).join("; "),
      lagMs: lagMsOf(lag),
      lateMs: laws.lateUntil(rounds),
    };
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

test.each(VICTIMS)(
  "%s is killed under load, again and again: %s, and a change is served within 10 s",
  async (victim, guarantee) => {
    const blows: Awaited<ReturnType<typeof survive>>[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) blows.push(await survive(victim));

    const served = spreadOf(blows.map(({ servedMs }) => servedMs));
    const restarted = spreadOf(blows.map(({ restartedMs }) => restartedMs));
    expect(served.max).toBeLessThan(RECOVERED_MS_MAX);
    const figures = {
      kills: blows.length,
      acknowledged: blows.reduce((sum, { effects }) => sum + effects, 0),
      "served after the kill (ms, p50)": served.p50,
      "served after the kill (ms, max)": served.max,
      "restarted after the kill (ms, p50)": restarted.p50,
      "restarted after the kill (ms, max)": restarted.max,
      "ledger complete (ms, max)": Math.max(...blows.map(({ lagMs }) => lagMs)),
      "nothing late after (ms, max)": Math.max(...blows.map(({ lateMs }) => lateMs)),
      "checks that held": blows.reduce((sum, { checks }) => sum + checks, 0),
    };
    evidence(guarantee, figures, { trials: blows.length });
  },
  TEST_MS_MAX,
);

test(
  "Redis does not answer for 3 s under load: what was given up and runs late has one effect",
  async () => {
    const { servers, api, redis } = all;
    await using load = await startLoad({ ...LOAD, url: api.url });
    await moreEffects(load, EFFECTS_MIN);
    const pausedAt = performance.now();
    redis.pause();
    const plain = Array.from({ length: PLAIN }, () => adjustWithoutKey(load));
    await until(() => performance.now() - pausedAt > PAUSE_MS, {
      withinMs: 2 * PAUSE_MS,
      what: "the pause is over",
    });
    redis.resume();
    await Promise.all(plain);
    await moreEffects(load, EFFECTS_MIN);
    const recoveredInMs = Math.round(performance.now() - pausedAt - PAUSE_MS);
    await load.stop();

    expect(load.strange).toEqual([]);
    acknowledged.push(...load.acknowledged);
    await audit({ ...servers, acknowledged });
    console.log(`${EFFECTS_MIN} effects ${recoveredInMs} ms after it`, repeatedBy(load));
  },
  TEST_MS_MAX,
);

/** Nobody but the service itself repeats it, under the name of its batch. */
async function adjustWithoutKey(load: Load): Promise<void> {
  const token = await tokenOf("admin", "administrator");
  const path = `/product/${load.productIds[0]}/stock`;
  const body = { quantity: 1, type: "RESTOCK" };
  const answer = await load.caller.once({ method: "PATCH", path, token, body });
  expect(answer.status).toBe(200);
  const { requestId } = answer;
  load.acknowledged.push({ requestId, type: "RESTOCK", units: 1, reservationId: null });
}

const repeatedBy = (load: Load) =>
  Object.fromEntries([...load.caller.attempts].filter(([key]) => /no answer|50[34]$/.test(key)));
