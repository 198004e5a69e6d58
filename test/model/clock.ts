/** What the steps do to a partition without a command: its clock is put on, the ledger catches up. */
import * as fc from "fast-check";
import { metaKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { holdsOf } from "#model/plan";
import type { Run } from "#model/run";
import { same } from "#model/same";
import type { Step } from "#model/turns";
import { isLive, seqOf } from "#model/world";

type Moment = number | "due" | "just before due" | "just after due";

/** The clock goes to the moment at which the next hold is due, or there about, or so many ms ahead. */
export function clockGoes(to: Moment): Step {
  const told = `the clock goes ${typeof to === "number" ? `on ${to} ms` : `to ${to}`}`;
  return { take: (run) => jump(run, to, told), toString: () => `\n${told}` };
}

export const jumps: fc.Arbitrary<Step> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom<Moment>("due", "just before due", "just after due") },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Moment>(1, 999, 1_000, 60_000, 900_000, 90_000_000),
    },
  )
  .map(clockGoes);

/** Sets the scripts' clock forward, where it stands until Redis's own has passed it. */
async function jump(run: Run, to: Moment, told: string): Promise<void> {
  run.told.push(told);
  const dues = holdsOf(run).flatMap(({ hold }) =>
    isLive(hold) && hold.dueSecond !== null ? hold.dueSecond * 1_000 : [],
  );
  const now = Math.max(...run.worlds.map(({ lastNow }) => Math.max(lastNow, run.seenAt)));
  const turning = run.worlds
    .flatMap(({ campaigns }) => [...campaigns.values()])
    .flatMap(({ startsAt, endsAt }) => [startsAt, endsAt].filter((at) => at > now));
  const next = Math.min(...dues, ...turning);
  for (const world of run.worlds) {
    const own = Math.max(world.lastNow, run.seenAt);
    const offset = to === "just before due" ? -1 : to === "just after due" ? 1 : 0;
    const moment = typeof to === "number" ? own + to : next + offset;
    if (!Number.isFinite(moment) || moment <= own) continue;
    world.lastNow = moment;
    await run.redis.hset(metaKey(world.partition), "lastNow", String(moment));
  }
}

/** The ledger has caught up: a full journal has room again. */
export const SETTLE: Step = { take: settle, toString: () => "\nsettle" };

async function settle(run: Run): Promise<void> {
  run.told.push("settle");
  for (const world of run.worlds) {
    const meta = run.metas[world.partition] ?? {};
    const args = [meta["storeId"] ?? "", String(world.epoch), String(seqOf(world)), "1000000"];
    const script = loadScript("journal/settle.lua");
    const key = metaKey(world.partition);
    same("settle", await runScript(run.redis, script, key, [...args, "appended"]), "settled");
    world.drained = seqOf(world);
  }
}
