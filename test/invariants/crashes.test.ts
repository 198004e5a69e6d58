import { afterAll, beforeAll, expect, test } from "bun:test";
import { audit, type Acknowledged } from "#test/audit";
import { startLoad, type Load } from "#test/load";
import { createDatabase, startPostgres, startRedis } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { until } from "#test/until";

/** Effects that must be acknowledged before and after the blow, so that it falls under load. */
const EFFECTS_MIN = 800;
const EFFECTS_MS_MAX = 20_000;
const RECOVERED_MS_MAX = 10_000;
/** Commands are given up after 1.5 s, their connections after 2 s. */
const PAUSE_MS = 3_000;
/** Changes without an Idempotency-Key that fall into the pause. */
const PLAIN = 20;
const LOAD = { users: 24, products: 6, units: 5_000 };
const TEST_MS_MAX = 60_000;

async function startAll() {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  const database = await createDatabase(postgres);
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const api = await startService({ ...servers, role: "api" });
  const worker = await startService({ ...servers, role: "worker" });
  return { servers, victims: { api, worker, redis, postgres } };
}

let all: Awaited<ReturnType<typeof startAll>>;
/** Over all crashes: what one of them kept, the next must keep too. */
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  all = await startAll();
}, TEST_MS_MAX);
afterAll(async () => {
  const { api, worker, redis, postgres } = all.victims;
  await Promise.all([api, worker].map((service) => service[Symbol.asyncDispose]()));
  await Promise.all([redis, postgres].map((server) => server.stop()));
});

const moreEffects = (load: Load): Promise<unknown> => {
  const goal = load.acknowledged.length + EFFECTS_MIN;
  return until(() => load.acknowledged.length >= goal, {
    withinMs: EFFECTS_MS_MAX,
    what: `${EFFECTS_MIN} more effects are acknowledged`,
  });
};

test.each(["api", "worker", "redis", "postgres"] as const)(
  "kill -9 of %s under load: nothing acknowledged is lost or doubled, no gap, drained in 10 s",
  async (name) => {
    const { servers, victims } = all;
    const victim = victims[name];
    await using load = await startLoad({
      url: victims.api.url,
      users: 16,
      products: 6,
      units: 5_000,
    });
    await moreEffects(load);
    const killedAt = performance.now();
    await victim.kill();
    const restarting = victim.restart().then(() => Math.round(performance.now() - killedAt));
    const probe = { productId: `after-${name}`, sku: `AFTER-${name}`, initialStock: 1 };
    const token = await tokenOf("admin", "administrator");
    const path = "/initialize";
    const { status } = await load.caller.call({
      method: "POST",
      path,
      token,
      body: probe,
      key: name,
    });
    expect(status).toBe(201);
    const recoveredInMs = Math.round(performance.now() - killedAt);
    expect(recoveredInMs).toBeLessThan(RECOVERED_MS_MAX);
    const restartedInMs = await restarting;
    await moreEffects(load);
    await load.stop();

    expect(load.strange).toEqual([]);
    acknowledged.push(...load.acknowledged);
    const audited = await audit({ ...servers, acknowledged });
    console.log(
      `kill -9 of ${name}: restarted after ${restartedInMs} ms, served after ${recoveredInMs} ms,`,
      `${load.acknowledged.length} acknowledged, repeated:`,
      repeatedBy(load),
      audited,
    );
  },
  TEST_MS_MAX,
);

test(
  "Redis does not answer for 3 s under load: what was given up and runs late has one effect",
  async () => {
    const { servers, victims } = all;
    await using load = await startLoad({ ...LOAD, url: victims.api.url });
    await moreEffects(load);
    const pausedAt = performance.now();
    victims.redis.pause();
    const plain = Array.from({ length: PLAIN }, () => adjustWithoutKey(load));
    await until(() => performance.now() - pausedAt > PAUSE_MS, {
      withinMs: 2 * PAUSE_MS,
      what: "the pause is over",
    });
    victims.redis.resume();
    await Promise.all(plain);
    await moreEffects(load);
    const recoveredInMs = Math.round(performance.now() - pausedAt - PAUSE_MS);
    await load.stop();

    expect(load.strange).toEqual([]);
    acknowledged.push(...load.acknowledged);
    const audited = await audit({ ...servers, acknowledged });
    console.log(`${EFFECTS_MIN} effects ${recoveredInMs} ms after it`, repeatedBy(load), audited);
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
