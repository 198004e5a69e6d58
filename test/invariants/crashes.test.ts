import { afterAll, beforeAll, expect, test } from "bun:test";
import { audit, type Acknowledged } from "#test/audit";
import { moreEffects } from "#test/effects";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { startLoad, type Load } from "#test/load";
import { counted, seed, seedBehind } from "#test/scale";
import { spreadOf } from "#test/spread";
import { tokenOf } from "#test/service";
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
const TEST_MS_MAX = counted(60_000, 2 * 60 * 60_000);

/** What is killed, and what it must not harm. */
const VICTIMS = [
  ["api", "kill -9 of the api under load: nothing acknowledged is lost or doubled"],
  ["worker", "kill -9 of the worker under load: nothing acknowledged is lost or doubled"],
  ["redis", "kill -9 of Redis under load: nothing acknowledged is lost or doubled"],
  ["postgres", "kill -9 of PostgreSQL under load: nothing acknowledged is lost or doubled"],
] as const;

let all: Installation;
let kills = 0;
/** Each blow meets other choices of the users: a hundred times the same would be one trial. */
const first = seed();
/** Over all crashes of one installation: what one of them kept, the next must keep too. */
let acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  all = await startInstallation();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

async function renewed(): Promise<Installation> {
  kills += 1;
  if (kills % KILLS_OF_ONE_MAX === 0) {
    await all[Symbol.asyncDispose]();
    all = await startInstallation();
    acknowledged = [];
  }
  return all;
}

/** One blow under load; answers how long after it a change was served, and all was up again. */
async function survive(victim: (typeof VICTIMS)[number][0]) {
  const installation = await renewed();
  const choices = seedBehind(first, kills);
  await using load = await startLoad({ ...LOAD, url: installation.api.url, seed: choices });
  await moreEffects(load, EFFECTS_MIN);
  const killedAt = performance.now();
  const sinceMs = (): number => Math.round(performance.now() - killedAt);
  await installation[victim].kill();
  const restarting = installation[victim].restart().then(sinceMs);
  const productId = `after-${kills}`;
  const probe = { productId, sku: productId, initialStock: 1 };
  const token = await tokenOf("admin", "administrator");
  const made = { method: "POST", path: "/initialize", token, body: probe, key: productId } as const;
  const { status } = await load.caller.call(made).catch((error: unknown) => {
    throw new Error(`the api printed:\n${installation.api.output()}`, { cause: error });
  });
  expect(status).toBe(201);
  const servedMs = sinceMs();
  const restartedMs = await restarting;
  await moreEffects(load, EFFECTS_MIN);
  await load.stop();

  expect(load.strange).toEqual([]);
  acknowledged.push(...load.acknowledged);
  const audited = await audit({ ...installation.servers, acknowledged });
  console.log(
    `kill ${kills}, of ${victim} (seed ${choices}): served after ${servedMs} ms, restarted after ${restartedMs} ms,`,
    `${load.acknowledged.length} acknowledged, repeated ${JSON.stringify(repeatedBy(load))},`,
    `${audited.movements} movements audited, drained in ${audited.drainedInMs} ms`,
  );
  return { servedMs, restartedMs, effects: load.acknowledged.length };
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
