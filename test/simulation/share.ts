/**
 * A part of many runs, in a process of its own: `bun test/simulation/share.ts FIRST COUNT`. Tells what it
 * saw as JSON, one line at a time (see shares.ts).
 */
import { seedBehind } from "#test/scale";
import { makeBed } from "./bed.ts";
import type { Told } from "./shares.ts";

const PROGRESS_RUNS = 100;

/** Where it is another one, who asked for this share is gone: nobody would hear what it saw. */
const parent = process.ppid;

const [first = 0, count = 0] = process.argv.slice(2).map(Number);
const tell = (told: Told): void => void process.stdout.write(`${JSON.stringify(told)}\n`);

const simulate = await makeBed();
const seen = new Map<string, number>();
const sums = { runs: 0, failed: 0, events: 0, operations: 0, movements: 0, simulatedMs: 0 };

let firstHash = 0;
for (let i = 0; i < count; i += 1) {
  const seed = seedBehind(first, i);
  const result = await simulate(seed);
  if (i === 0) firstHash = result.hash;
  const { failures } = result;
  if (failures.length > 0) tell({ kind: "failed", seed, failures });
  sums.runs += 1;
  sums.failed += Number(failures.length > 0);
  for (const name of ["events", "operations", "movements", "simulatedMs"] as const) {
    sums[name] += result[name];
  }
  for (const [name, times] of result.seen) seen.set(name, (seen.get(name) ?? 0) + times);
  if (sums.runs % PROGRESS_RUNS === 0) tell({ kind: "progress", runs: sums.runs });
  if (process.ppid !== parent) process.exit(1);
}
// Whatever ran before it in this process: a seed decides all of a run.
const isRepeated = count === 0 || (await simulate(first)).hash === firstHash;
tell({ kind: "done", sums, seen: Object.fromEntries(seen), isRepeated });
process.exit(0);
