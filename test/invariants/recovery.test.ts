/**
 * Redis comes back with less than it acknowledged. Its partition is fenced, rebuilt from the ledger,
 * and what cannot be saved is reported; nothing is oversold, and nothing is lost silently.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { audit, type Acknowledged } from "#test/audit";
import { moreEffects } from "#test/effects";
import { installationOfFile } from "#test/installation-of-file";
import { startLoad } from "#test/load";
import { isAboutLost, isOfLost, reported, type Reported } from "#test/lost";
import { seed, seedBehind } from "#test/scale";
import { startService } from "#test/service";
import { until } from "#test/until";

const LOAD = { users: 8, products: 4, units: 5_000 };
const EFFECTS_MIN = 150;
const EFFECTS_MS_MAX = 30_000;
const TEST_MS_MAX = 120_000;
/** Each process looks every 2 s. */
const ALERT_MS_MAX = 10_000;

const { all, redis, sql } = await installationOfFile();

/** Whoever follows the alerts hears of each report, too. */
async function reportedAndTold() {
  const lost = await reported(sql);
  const alerts = await sql`SELECT units FROM alerts WHERE kind = 'lost'`;
  expect(alerts).toHaveLength(lost.reports);
  return lost;
}

/** Each rebuild has told that the partition was fenced; those who watch, that it is over. */
async function alertsTold(): Promise<void> {
  const alerts = async () => {
    const rows = await sql`SELECT kind FROM alerts
      WHERE kind IN ('fenced', 'unfenced') ORDER BY seq, number`;
    return rows.map(({ kind }) => String(kind));
  };
  await until(async () => (await alerts()).at(-1) === "unfenced", {
    withinMs: ALERT_MS_MAX,
    what: "the end of the fence is told",
  });
  const fenced = (await alerts()).filter((kind) => kind === "fenced");
  expect(fenced.length).toBeGreaterThanOrEqual((await reported(sql)).rebuilds);
}

/** All that was acknowledged so far in this file, less what was reported as lost. */
let acknowledged: Acknowledged[] = [];

/** Of these: what moved as its caller was told. */
const toldOf = (lost: Reported): Acknowledged[] =>
  acknowledged.filter((one) => !isAboutLost(one, lost));

/** A blow under load: it goes on afterwards, and everything adds up. */
async function survives(blow: () => Promise<void>) {
  await using load = await startLoad({ ...LOAD, url: all.api.url });
  await moreEffects(load, EFFECTS_MIN);
  const { rebuilds } = await reported(sql);
  const struckAt = performance.now();
  await blow();
  await until(async () => (await reported(sql)).rebuilds > rebuilds, {
    withinMs: EFFECTS_MS_MAX,
    what: "the partition is rebuilt",
  });
  await moreEffects(load, EFFECTS_MIN);
  const recoveredMs = Math.round(performance.now() - struckAt);
  await load.stop();
  const lost = await reportedAndTold();
  const kept = load.acknowledged.filter(({ requestId }) => !lost.requests.has(requestId));
  // Who goes on with what was lost hears that it is not there; nobody else hears such a thing.
  expect(load.strange.filter((it) => !isOfLost(it, lost))).toEqual([]);
  expect(load.strange.length).toBeLessThanOrEqual(3 * lost.requests.size);
  acknowledged = [...acknowledged, ...kept];
  await alertsTold();
  const audited = await audit({ ...all.servers, acknowledged: toldOf(lost) });
  console.log(
    `recovered after ${recoveredMs} ms, ${kept.length} acknowledged, ` +
      `${load.acknowledged.length - kept.length} reported as lost`,
    audited,
  );
  return { lost: load.acknowledged.length - kept.length };
}

test(
  "FLUSHALL under load: rebuilt from the ledger, and what was not in it yet is reported by id",
  async () => {
    await survives(async () => {
      await redis.flushall();
    });
  },
  TEST_MS_MAX,
);

test(
  "Redis rolled back to an earlier copy, PostgreSQL ahead: what the copy lacks comes from the ledger",
  async () => {
    const folder = join(all.redis.folder, "appendonlydir");
    const copy = join(all.redis.folder, "earlier-copy");
    await survives(async () => {
      rmSync(copy, { recursive: true, force: true });
      cpSync(folder, copy, { recursive: true });
      await until(async () => Number(await redis.hget("{p0}:meta", "seq")) > 0, {
        withinMs: 1_000,
        what: "there is something to copy",
      });
      const seq = Number(await redis.hget("{p0}:meta", "seq"));
      await until(async () => Number(await redis.hget("{p0}:meta", "drained")) > seq + 50, {
        withinMs: EFFECTS_MS_MAX,
        what: "the ledger is ahead of the copy",
      });
      await rollBack(copy);
    });
  },
  TEST_MS_MAX,
);

/** Puts the server's files of another moment in the place of those it has. */
async function rollBack(copy: string): Promise<void> {
  const folder = join(all.redis.folder, "appendonlydir");
  await all.redis.kill();
  rmSync(folder, { recursive: true, force: true });
  cpSync(copy, folder, { recursive: true });
  await all.redis.restart();
}

test(
  "a rollback that nobody notices, followed by new sales: who remembers stops it, and reports",
  async () => {
    const { api, worker, redis: server, servers } = all;
    const copy = join(server.folder, "earlier-copy");
    await using load = await startLoad({ ...LOAD, url: api.url, withoutLedger: true });
    await moreEffects(load, EFFECTS_MIN);
    // From here on the ledger hears of nothing.
    await worker.kill();
    rmSync(copy, { recursive: true, force: true });
    cpSync(join(server.folder, "appendonlydir"), copy, { recursive: true });
    await moreEffects(load, EFFECTS_MIN);
    // The one that remembers sleeps while another sells from the older Redis.
    await load.stop();
    api.signal("SIGSTOP");
    await rollBack(copy);
    await using another = await startService({ ...servers, role: "api" });
    // They want what was sold before it, too, of a Redis that has forgotten that.
    const more = { url: another.url, withoutLedger: true, of: load };
    await using later = await startLoad({ ...LOAD, ...more, seed: seedBehind(seed(), LOAD.users) });
    await moreEffects(later, EFFECTS_MIN);
    const { rebuilds, requests } = await reported(sql);
    api.signal("SIGCONT");
    await worker.restart();
    await until(async () => (await reported(sql)).rebuilds > rebuilds, {
      withinMs: EFFECTS_MS_MAX,
      what: "the partition is rebuilt",
    });
    await api.ready();
    await moreEffects(later, EFFECTS_MIN);
    await later.stop();
    const lost = await reportedAndTold();
    expect(lost.requests.size).toBeGreaterThan(requests.size + EFFECTS_MIN / 2);
    const both = [...load.acknowledged, ...later.acknowledged];
    acknowledged = [...acknowledged, ...both.filter((it) => !lost.requests.has(it.requestId))];
    // What was sold after the rollback is not lost: it was still in the journal.
    expect(later.acknowledged.filter((it) => lost.requests.has(it.requestId))).toEqual([]);
    await audit({ ...servers, acknowledged: toldOf(lost) });
  },
  TEST_MS_MAX,
);
