/** `bun run soak`: a whole installation under load for long, with a fault a minute, and nothing may grow. */
import { parseArgs } from "node:util";
import { Failure, NotJudged, runTool, seedIn, timeIn, UsageError } from "#test/arguments";
import { newSeed } from "#test/scale";
import { bounded, faultsIn, planOf, possibleOf } from "#faults/plan";
import { FAULTS, soak, type Soaked } from "#faults/soak/soak";
import { BOUNDS, memoryJudged, memoryMinutes, wordsOf } from "#faults/soak/judge";

const MINUTE_MS = 60_000;

const HELP = `Runs an installation under a mixed load for long, with a fault a minute, and looks whether anything grows.

It starts what \`bun run faults\` starts, breaks it as that does, and holds it to the same promises
after each fault. Meanwhile it measures memory and descriptors of each process, what Redis holds,
and how far the ledger is behind. Of each it compares floors (lower quartiles) of the second and the
last third of the time, and allows the last one so much more:
${folded(BOUNDS)}
What grows by less than that in a third of --for is not seen: a longer run finds smaller leaks. Nothing
that runs elsewhere is touched.

Usage:
  bun run soak [options]

Options:
  --for TIME          how long: a whole number and s, m or h, such as 5m or 2h (default: 30m);
                      at least ${memoryMinutes(MINUTE_MS)}m with --every 1m, or memory cannot be judged
  --without-memory    does not judge memory, so that a shorter time will do
  --every TIME        how often a fault begins (default: 1m)
  --only NAME,...     these faults alone (default: all of \`bun run faults --list\` but those of clocks,
                      which soak does not have)
  --seed NUMBER       repeats a run's choices (default: another one each time)

It ends at the first fault after which something does not hold, or when its time is over and it says
of each thing whether it is flat. It exits with 0 where all holds and is flat, with 1 where not, with
2 where the command cannot be understood or its time is too short to judge memory, and with 3 where
all holds and the memory of APIs or of workers could not be judged: each was killed before it had
lived for three minutes.

Examples:
  bun run soak
  bun run soak --for 5m --seed 7
  bun run soak --for 1m --every 10s --without-memory
  bun run soak --for 8h --only kill-worker,latency
`;

/** In lines of what a terminal shows. */
function folded(text: string): string {
  return text.replaceAll(/(.{1,94})(?: |$)/g, "  $1\n").trimEnd();
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      for: { type: "string", default: "30m" },
      every: { type: "string", default: "1m" },
      only: { type: "string" },
      seed: { type: "string" },
      "without-memory": { type: "boolean", default: false },
    },
  });
  const { for: forText, every, only, seed } = values;
  const options = {
    forMs: timeIn("--for", forText),
    everyMs: timeIn("--every", every),
    faults: only === undefined ? FAULTS : faultsIn("--only", only, FAULTS),
    seed: seed === undefined ? newSeed() : seedIn("--seed", seed),
    withMemory: !values["without-memory"],
    words:
      `--for ${forText} --every ${every}${only === undefined ? "" : ` --only ${only}`}` +
      (values["without-memory"] ? " --without-memory" : ""),
  };
  if (options.everyMs > options.forMs) {
    throw new UsageError(`--every must not be longer than --for (${forText}), not ${every}`);
  }
  const minutes = memoryMinutes(options.everyMs);
  if (options.withMemory && options.forMs < minutes * MINUTE_MS) {
    throw new UsageError(
      `--for ${forText} is too short to judge memory: at least ${minutes} minutes with --every ` +
        `${every}; --without-memory judges all else`,
    );
  }
  return options;
}

async function main(args: readonly string[]): Promise<void> {
  const { forMs, everyMs, faults, seed, words, withMemory } = readOptions(args);
  say(`seed ${seed}; with --seed ${seed} behind the same arguments this run's choices come again`);
  const endAt = performance.now() + forMs;
  const possible = possibleOf(faults, say);
  if (possible.length === 0) throw new Error("none of these faults is possible here");
  const isTime = (): boolean => performance.now() + everyMs <= endAt;
  const steps = bounded(planOf(possible, seed), Infinity, isTime);
  const again = `bun run soak --seed ${seed} ${words}`;
  tell(await soak(steps, { faults: possible, everyMs, say, again }), { again, withMemory });
}

interface Told {
  readonly again: string;
  readonly withMemory: boolean;
}

function tell({ lived, verdicts, unjudged }: Soaked, { again, withMemory }: Told): void {
  const changes = lived.reduce((sum, one) => sum + one.acknowledged, 0);
  for (const verdict of verdicts) say(wordsOf(verdict));
  const rising = verdicts.filter(({ isFlat }) => !isFlat);
  say(
    `${lived.length} faults lived through, ${changes} changes acknowledged; of ${verdicts.length} ` +
      `series ${rising.length} rise, ${unjudged} more were too short to tell`,
  );
  if (rising.length > 0) {
    const words = rising.map(wordsOf).join("\n");
    throw new Failure(`what rises:\n${words}\nagain: ${again}`);
  }
  if (verdicts.length === 0) throw new NotJudged("nothing lasted long enough to be judged");
  const cold = Object.entries(memoryJudged(verdicts)).filter(([, count]) => count === 0);
  if (!withMemory || cold.length === 0) return;
  const roles = cold.map(([role]) => role).join(" and of no ");
  throw new NotJudged(
    `the memory of no ${roles} was judged: each was killed before it had lived for 3 minutes; ` +
      "all else holds and is flat. A longer --for, or another --seed, lets some live",
  );
}

function say(line: string): void {
  console.log(line);
}

await runTool({ command: "soak", help: HELP, main });
