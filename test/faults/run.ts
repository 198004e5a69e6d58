/** `bun run faults`: a whole installation, broken in every way of the catalog, and held to what it promises. */
import { parseArgs } from "node:util";
import { helpIfAsked } from "#test/help";
import { newSeed, seedOf } from "#test/scale";
import { spreadOf } from "#test/spread";
import { CATALOG } from "#faults/catalog";
import type { Fault } from "#faults/fault";
import { needsOf, planOf, type Step } from "#faults/plan";
import { supervise } from "#faults/supervisor";

const HELP = `Breaks an installation again and again, and looks after each fault whether what is promised holds.

It starts Redis, PostgreSQL, two APIs and two workers of its own, with proxies on every way between
them, and 16 clients who remember what they were told. Nothing that runs elsewhere is touched.

Usage:
  bun run faults [options]

Options:
  --for TIME          how long faults are begun, such as 30s, 5m, 2h (default: 2m)
  --times NUMBER      so many faults, however long they take
  --only NAME,...     these faults alone, each again and again (default: all)
  --seed NUMBER       repeats a run's choices (default: another one each time)
  --verbose           says of every check what it saw
  --list              lists the faults, and does nothing

It ends at the first fault after which something does not hold, says what and how to have it again,
and exits with 1 then; with 2 when the command line cannot be understood.`;

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

class UsageError extends Error {}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      for: { type: "string", default: "2m" },
      times: { type: "string" },
      only: { type: "string" },
      seed: { type: "string" },
      verbose: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  return {
    forMs: values.times === undefined ? msOf(values.for) : Infinity,
    times: values.times === undefined ? Infinity : countOf(values.times),
    faults: values.only === undefined ? CATALOG : values.only.split(",").map(faultOf),
    seed: values.seed === undefined ? newSeed() : seedIn(values.seed),
    isVerbose: values.verbose,
    isList: values.list,
  };
}

function msOf(text: string): number {
  const [, count, unit = ""] = /^(\d+)([smh])$/.exec(text) ?? [];
  const ms = UNITS[unit];
  if (ms === undefined) throw new UsageError(`--for takes a time such as 30s, 5m or 2h: ${text}`);
  return Number(count) * ms;
}

function countOf(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`--times takes a number: ${text}`);
  return Number(text);
}

function seedIn(text: string): number {
  try {
    return seedOf(text);
  } catch {
    throw new UsageError(`--seed takes a number such as a run prints: ${text}`);
  }
}

function faultOf(name: string): Fault {
  const found = CATALOG.find((fault) => fault.name === name);
  if (!found) throw new UsageError(`there is no fault ${name}: --list has them all`);
  return found;
}

async function main(): Promise<void> {
  const { forMs, times, faults, seed, isVerbose, isList } = readOptions(process.argv.slice(2));
  if (isList) {
    for (const { name, what } of faults) say(`${name.padEnd(22)} ${what}`);
    return;
  }
  say(`seed ${seed}; --seed ${seed} has this run's choices again`);
  const endAt = performance.now() + forMs;
  const steps = bounded(planOf(faults, seed), times, () => performance.now() < endAt);
  const lived = await supervise(steps, { needs: needsOf(faults), say, isVerbose });
  const acknowledged = lived.reduce((sum, one) => sum + one.acknowledged, 0);
  const served = spreadOf(lived.map(({ servedMs }) => servedMs));
  const kinds = new Set(lived.map(({ step }) => step.fault.name)).size;
  say(
    `${lived.length} faults of ${kinds} kinds lived through, ${acknowledged} changes acknowledged; ` +
      `served again after ${served.p50} ms (p50), ${served.max} ms (most)`,
  );
}

function* bounded(steps: Iterable<Step>, times: number, isTime: () => boolean): Generator<Step> {
  let taken = 0;
  for (const step of steps) {
    if (taken >= times || (taken > 0 && !isTime())) return;
    taken += 1;
    yield step;
  }
}

function say(line: string): void {
  console.log(line);
}

helpIfAsked(HELP);
try {
  await main();
  process.exit(0);
} catch (error) {
  const isOfUser = error instanceof UsageError || error instanceof TypeError;
  console.error(isOfUser ? `${error.message}\nbun run faults --help` : error);
  process.exit(isOfUser ? 2 : 1);
}
