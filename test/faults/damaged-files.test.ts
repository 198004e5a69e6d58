/**
 * The files of Redis are cut, have a bit turned, or are those of another moment. What was
 * acknowledged is there, comes back from the ledger, or is reported, and nothing is sold twice.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { createEpochLedger } from "#postgres/epochs";
import { evidence } from "#test/evidence";
import { filesOf, type Started } from "#test/operator";
import type { Random } from "#test/random";
import { counted, isLong } from "#test/scale";
import { openStore } from "#test/store";
import { until } from "#test/until";
import { inCases } from "#faults/cases";
import {
  admitted,
  harmed,
  held,
  openDamageBed,
  verified,
  type DamageBed,
  type Held,
} from "#faults/damage-bed";
import { forgetEnded } from "#faults/ended-records";
import { cut, flip } from "#faults/harm";
import { burst } from "#faults/traffic";

const CUTS = counted(40, 2_000);
const FLIPS = counted(20, 500);
const FORKS = counted(3, 100);
/** Cases whose files were written anew a moment ago, or were being so. */
const REWRITTEN = 0.2;
const REWRITING = 0.1;
/** Cases after which Redis is killed once more: what was cut off must not come back. */
const AGAIN = 0.3;
/** Microseconds a key, so that a rewrite is not over when Redis is killed. */
const SLOW_REWRITE = "200000";
const REWRITTEN_MS_MAX = 10_000;
const TEST_MS_MAX = counted(180_000, 3 * 60 * 60_000);

const ALL = ["cuts", "flips", "forks"] as const;

const cases = (
  name: (typeof ALL)[number],
  count: number,
  run: (bed: DamageBed, random: Random) => Promise<void>,
): Promise<boolean> =>
  inCases({ name, all: ALL, count, openBed: openDamageBed, run, file: "damaged-files" });

async function change(bed: DamageBed, random: Random, store = bed.use.stores.store): Promise<void> {
  const acknowledged = await burst(store, random);
  bed.acknowledged = [...bed.acknowledged, ...acknowledged];
}

/** Some files are whole and new, some have a base, some were being written anew at the end. */
async function filled(bed: DamageBed, random: Random): Promise<void> {
  const chance = random.next();
  if (chance < REWRITTEN) {
    await bed.redis.bgrewriteaof();
    await until(async () => (await rewriting(bed)) === "0", {
      withinMs: REWRITTEN_MS_MAX,
      what: "the file is written anew",
    });
  } else if (chance < REWRITTEN + REWRITING) {
    await bed.redis.config("SET", "rdb-key-save-delay", SLOW_REWRITE);
    await bed.redis.bgrewriteaof();
  }
  await change(bed, random);
}

async function rewriting(bed: DamageBed): Promise<string> {
  const info = await bed.redis.info("persistence");
  const [, scheduled] = /^aof_rewrite_scheduled:(\d)/m.exec(info) ?? [];
  const [, running] = /^aof_rewrite_in_progress:(\d)/m.exec(info) ?? [];
  return scheduled === "1" ? "1" : (running ?? "1");
}

const mustHold = ({ broken }: Held, what: string): void => {
  expect([what, ...broken.slice(0, 20)]).toEqual([what]);
};

const countOf = <Value>(values: readonly Value[], value: Value): number =>
  values.filter((one) => one === value).length;

test(
  "Redis starts with files that were cut anywhere: all is there, comes from the ledger, or is reported",
  async () => {
    const started: Started[] = [];
    let [rebuilt, lost, movements] = [0, 0, 0];
    const isAll = await cases("cuts", CUTS, async (bed, random) => {
      await filled(bed, random);
      // What comes now is in the ledger, or not, when the file is cut.
      if (random.next() < 0.5) await bed.use.drained();
      await change(bed, random);
      const harm = await harmed(bed, (folder) => cut(folder, random));
      const isRebuilt = await admitted(bed);
      await change(bed, random);
      const seen = await held(bed);
      mustHold(seen, harm.what);
      if (random.next() < AGAIN) {
        await bed.server.kill();
        await bed.server.restart();
        expect(await admitted(bed)).toBe(false);
        mustHold(await held(bed), `${harm.what}, and killed again`);
      }
      started.push(harm.started);
      if (isRebuilt) rebuilt += 1;
      lost += seen.lost;
      movements = Math.max(movements, seen.movements);
    });
    if (!isAll) return;
    expect(rebuilt).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
    evidence(
      "Redis's files are cut anywhere: all is there, from the ledger, or reported",
      {
        cuts: CUTS,
        "loaded by itself": countOf(started, "by itself"),
        "after its torn end was cut off": countOf(started, "mended"),
        "after redis-check-aof": countOf(started, "fixed"),
        "begun empty": countOf(started, "empty"),
        "rebuilt from the ledger": rebuilt,
        "reported as lost": lost,
      },
      { trials: CUTS },
    );
  },
  TEST_MS_MAX,
);

test(
  "a bit of Redis's files is turned: verify tells and a restore mends it, or only repeats of ended holds hear it",
  async () => {
    const started: Started[] = [];
    let [harmless, told, incomparable, ended, rebuilt] = [0, 0, 0, 0, 0];
    const isAll = await cases("flips", FLIPS, async (bed, random) => {
      await filled(bed, random);
      await bed.use.drained();
      const harm = await harmed(bed, (folder) => flip(folder, random));
      started.push(harm.started);
      if (await admitted(bed)) rebuilt += 1;
      const verdict = await verified(bed);
      if (verdict.kind === "equal") {
        harmless += 1;
        const forgotten = await forgetEnded({ redis: bed.redis, ...bed.use.db });
        // One bit is in one record.
        expect([harm.what, Math.min(forgotten, 1)]).toEqual([harm.what, forgotten]);
        ended += forgotten;
      } else {
        if (verdict.kind === "differs") told += 1;
        else incomparable += 1;
        // `bun run restore --apply --discard`: the ledger had all of it.
        await admitted(bed, "any");
      }
      await change(bed, random);
      const seen = await held(bed);
      const said = verdict.kind === "equal" ? "nothing" : verdict.words.slice(0, 3).join(", ");
      mustHold(seen, `${harm.what}; verify said: ${said}`);
      expect(seen.lost).toBe(0);
    });
    if (!isAll) return;
    // Most bits are in no data, or in a text: a comparison that finds something in all compares nothing.
    expect(harmless).toBeGreaterThan(0);
    expect(told + rebuilt).toBeGreaterThan(0);
    if (isLong) expect(told).toBeGreaterThan(0);
    evidence(
      "a bit of Redis's files is turned: verify tells, or only repeats of ended holds hear it",
      {
        bits: FLIPS,
        "loaded by itself": countOf(started, "by itself"),
        "after its torn end was cut off": countOf(started, "mended"),
        "after redis-check-aof": countOf(started, "fixed"),
        "begun empty": countOf(started, "empty"),
        "rebuilt from the ledger": rebuilt,
        "verify found nothing": harmless,
        "of it in records of holds that ended": ended,
        "told by verify and mended by a restore": told,
        "not comparable for verify and mended by a restore": incomparable,
      },
      { trials: FLIPS },
    );
  },
  TEST_MS_MAX,
);

test(
  "Redis goes back unnoticed and sells on: who remembers reports what is gone, what came later stays",
  async () => {
    let lost = 0;
    let later = 0;
    const isAll = await cases("forks", FORKS, async (bed, random) => {
      await change(bed, random);
      await bed.use.drained();
      const copy = join(bed.server.folder, "earlier-copy");
      rmSync(copy, { recursive: true, force: true });
      cpSync(filesOf(bed.server), copy, { recursive: true });
      // The ledger hears of none of these; nor does another process.
      for (let more = random.whole(1, 4); more > 0; more -= 1) await change(bed, random);
      bed.link.hold();
      await bed.server.kill();
      rmSync(filesOf(bed.server), { recursive: true });
      cpSync(copy, filesOf(bed.server), { recursive: true });
      await bed.server.restart();
      const before = bed.acknowledged.length;
      {
        await using another = await openStore(bed.server.url, { epochs: await epochsOf(bed) });
        for (let more = random.whole(1, 4); more > 0; more -= 1) {
          await change(bed, random, another.store);
        }
      }
      later += bed.acknowledged.length - before;
      const sold = bed.acknowledged.slice(before);
      bed.link.resume();
      expect(await admitted(bed)).toBe(true);
      await change(bed, random);
      const seen = await held(bed);
      mustHold(seen, "a fork");
      expect(seen.lost).toBeGreaterThan(0);
      // The journal still had it.
      expect(sold.filter((one) => !bed.acknowledged.includes(one))).toEqual([]);
      lost += seen.lost;
    });
    if (!isAll) return;
    evidence(
      "Redis goes back unnoticed and sells on: what is gone is reported, what came stays",
      {
        forks: FORKS,
        "reported as lost": lost,
        "sold after it went back": later,
      },
      { trials: FORKS },
    );
  },
  TEST_MS_MAX,
);

async function epochsOf(bed: DamageBed) {
  const [row] = await bed.use.db.sql`SELECT store_id FROM store`;
  return createEpochLedger(bed.use.db.sql, String(row?.["store_id"]));
}
