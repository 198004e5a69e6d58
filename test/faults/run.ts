/** `bun run faults`: a whole installation, broken in every way of the catalog, and held to what it promises. */
import { parseArgs } from "node:util";
import { countIn, runTool, seedIn, timeIn } from "#test/arguments";
import { newSeed } from "#test/scale";
import { spreadOf } from "#test/spread";
import { CATALOG } from "#faults/catalog";
import { bounded, faultsIn, needsOf, planOf, possibleOf } from "#faults/plan";
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
and exits with 1 then; with 2 where the command cannot be understood.

Examples:
  bun run faults
  bun run faults --for 5m --only kill-api,flushall
  bun run faults --only fork --seed 7 --times 1 --verbose
`;

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
    forMs: values.times === undefined ? timeIn("--for", values.for) : Infinity,
    times: values.times === undefined ? Infinity : countIn("--times", values.times),
    faults: values.only === undefined ? CATALOG : faultsIn("--only", values.only, CATALOG),
    only: values.only === undefined ? "" : ` --only ${values.only}`,
    seed: values.seed === undefined ? newSeed() : seedIn("--seed", values.seed),
    isVerbose: values.verbose,
    isList: values.list,
  };
}

async function main(args: readonly string[]): Promise<void> {
  const { forMs, times, faults, only, seed, isVerbose, isList } = readOptions(args);
  if (isList) {
    for (const { name, what } of faults) say(`${name.padEnd(22)} ${what}`);
    return;
  }
  say(`seed ${seed}; --seed ${seed} has this run's choices again`);
  const endAt = performance.now() + forMs;
  const possible = possibleOf(faults, say);
  if (possible.length === 0) throw new Error("none of these faults is possible here");
  const steps = bounded(planOf(possible, seed), times, () => performance.now() < endAt);
  const lived = await supervise(steps, {
    needs: needsOf(possible),
    say,
    isVerbose,
    again: (number) => `bun run faults --seed ${seed} --times ${number}${only}`,
  });
  const acknowledged = lived.reduce((sum, one) => sum + one.acknowledged, 0);
  const served = spreadOf(lived.map(({ servedMs }) => servedMs));
  const kinds = new Set(lived.map(({ step }) => step.fault.name)).size;
  say(
    `${lived.length} faults of ${kinds} kinds lived through, ${acknowledged} changes acknowledged; ` +
      `served again after ${served.p50} ms (p50), ${served.max} ms (most)`,
  );
}

function say(line: string): void {
  console.log(line);
}

await runTool({ command: "faults", help: HELP, main });
