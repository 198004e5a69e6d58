import { parseArgs } from "node:util";
import { countIn, Failure, runTool, seedIn, UsageError } from "#test/arguments";
import { newSeed } from "#test/scale";
import { makeBed } from "./bed.ts";
import { brokenBy, SHARES_MAX, simulateMany } from "./shares.ts";

const RUNS = 2_000;
/** Told and not held: a machine that has other work too would fail it. */
const RUNS_PER_SECOND = 200;
const PROGRESS_MS = 5_000;
/** Of failures that are told whole; all are counted. */
const FAILURES_SHOWN_MAX = 3;
/** The environment variable that names one run. */
const SEED = "SEED";

const HELP = `Runs the service over simulated servers and a network that loses, delays and repeats, in an
order that a seed decides, and checks each run once it has come to rest.

Usage:
  bun run simulate [options]     many runs, from a seed on
  SEED=NUMBER bun run simulate   one run again, with everything that happened in it

Options:
  --runs NUMBER        how many (default: ${RUNS})
  --seed NUMBER        of the first one (default: another one each time)
  --processes NUMBER   that share them, at most ${SHARES_MAX} (default: one for each processor)

It exits with 1 when a run failed, and tells how to have that run again; with 2 where the command
cannot be understood.

Examples:
  bun run simulate --runs 20000
  bun run simulate --runs 100 --seed 7 --processes 1
  SEED=7 bun run simulate
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      processes: { type: "string" },
    },
  });
  const { runs, seed, processes } = values;
  return {
    runs: runs === undefined ? RUNS : countIn("--runs", runs),
    first: seed === undefined ? newSeed() : seedIn("--seed", seed),
    ...(processes === undefined
      ? {}
      : { processes: countIn("--processes", processes, SHARES_MAX) }),
  };
}

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const one = process.env[SEED] ?? "";
  if (one === "") return await many(options);
  if (args.length > 0)
    throw new UsageError(`${SEED} is of one run, which has no ${args.join(" ")}`);
  await again(seedIn(SEED, one));
}

/** One run, told line by line. */
async function again(seed: number): Promise<void> {
  const simulate = await makeBed();
  const { failures, events, operations, movements, hash } = await simulate(seed, { trace: say });
  for (const failure of failures) say(`FAILED ${failure}`);
  const told =
    `seed ${seed}, trace ${hash.toString(16)}: ${events} events, ${operations} operations, ` +
    `${movements} movements, ${failures.length} failures`;
  if (failures.length > 0) throw new Failure(`${brokenBy(seed, failures)}\n${told}`);
  say(told);
}

async function many(options: ReturnType<typeof readOptions>): Promise<void> {
  const { first, runs } = options;
  say(`${runs} runs from seed ${first} on`);
  let told = performance.now();
  let failed = 0;
  const done = await simulateMany({
    ...options,
    onProgress(count) {
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      say(`${count} of ${runs}`);
    },
    onFailure(text) {
      failed += 1;
      if (failed <= FAILURES_SHOWN_MAX) say(text);
    },
  });
  const seen = [...done.seen].sort(([one], [other]) => one.localeCompare(other));
  say(seen.map(([name, times]) => `${name} ${times}`).join(", "));
  const minutes = Math.round(done.simulatedMs / 60_000);
  say(
    `${done.runs} runs, ${done.failed} failed, ${Math.round(done.perSecond)} a second ` +
      `(the aim: ${RUNS_PER_SECOND} on two cores at rest): ` +
      `${done.operations} operations, ${done.movements} movements, ${done.events} events, ` +
      `${minutes} minutes of simulated time`,
  );
  const [broken] = done.failures;
  if (broken === undefined) return;
  const more =
    done.failed > FAILURES_SHOWN_MAX ? `, the first ${FAILURES_SHOWN_MAX} are above` : "";
  throw new Failure(
    `${broken.split("\n", 1)[0]}\n${done.failed} of ${done.runs} runs broke what is promised${more}`,
  );
}

await runTool({ command: "simulate", help: HELP, main });
