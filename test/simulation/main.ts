import { helpIfAsked } from "#test/help";
import { newSeed, seedOf } from "#test/scale";
import { makeBed } from "./bed.ts";
import { simulateMany } from "./shares.ts";

const RUNS = 2_000;
const PROGRESS_MS = 5_000;

helpIfAsked(`Runs the service over simulated servers and a network that loses, delays and repeats, in an
order that a seed decides, and checks each run once it has come to rest.

Usage:
  bun run simulate [--runs NUMBER] [--seed NUMBER] [--processes NUMBER]
                             ${RUNS} runs unless said, from that seed on, on every processor
  SEED=NUMBER bun run simulate
                             one run again, with everything that happened in it

It exits with 1 when a run failed, and tells how to have that run again.`);

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function numberOf(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : seedOf(process.argv[at + 1] ?? "");
}

/** One run, told line by line. */
async function again(seed: number): Promise<boolean> {
  const simulate = await makeBed();
  const { failures, events, operations, movements, hash } = simulate(seed, { trace: say });
  for (const failure of failures) say(`FAILED ${failure}`);
  say(
    `seed ${seed}, trace ${hash.toString(16)}: ${events} events, ${operations} operations, ` +
      `${movements} movements, ${failures.length} failures`,
  );
  return failures.length === 0;
}

async function many(): Promise<boolean> {
  const first = numberOf("--seed", newSeed());
  const runs = numberOf("--runs", RUNS);
  const processes = numberOf("--processes", 0);
  say(`${runs} runs from seed ${first} on`);
  let told = performance.now();
  const done = await simulateMany({
    first,
    runs,
    ...(processes > 0 ? { processes } : {}),
    onProgress(count) {
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      say(`${count} of ${runs}`);
    },
    onFailure: say,
  });
  const seen = [...done.seen].sort(([one], [other]) => one.localeCompare(other));
  say(seen.map(([name, times]) => `${name} ${times}`).join(", "));
  const minutes = Math.round(done.simulatedMs / 60_000);
  say(
    `${done.runs} runs, ${done.failed} failed, ${Math.round(done.perSecond)} a second: ` +
      `${done.operations} operations, ${done.movements} movements, ${done.events} events, ` +
      `${minutes} minutes of simulated time`,
  );
  return done.failures.length === 0;
}

const given = process.env["SEED"] ?? "";
process.exit((await (given === "" ? many() : again(seedOf(given)))) ? 0 : 1);
