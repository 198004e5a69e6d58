import { plugin } from "bun";
import { helpIfAsked } from "#test/help";
import { newSeed } from "#test/scale";
import * as bullmq from "./bullmq.ts";
import { realNow, takeOverGlobals } from "./globals.ts";

plugin({
  name: "simulated jobs",
  setup: (build) => void build.module("bullmq", () => ({ exports: { ...bullmq }, loader: "object" })),
});
const { simulate } = await import("./simulate.ts");
takeOverGlobals();

const args = process.argv.slice(2);
const given = process.env["SEED"];
const runs = Number(args[args.indexOf("--runs") + 1] ?? 2000);
if (given) {
  const r = simulate(Number(given), args.includes("--quiet") ? null : console.log);
  console.log(r.hash, r.failures);
} else {
  const first = newSeed();
  const t = realNow(); const cpu = process.cpuUsage();
  const seen = new Map<string, number>(); let events = 0, ops = 0, moves = 0, ms=0, failed = 0;
  for (let i = 0; i < runs; i += 1) {
    const r = simulate((first + i) % 2**31);
    for (const [k, n] of r.seen) seen.set(k, (seen.get(k) ?? 0) + n);
    events += r.events; ops += r.operations; moves += r.movements; ms += r.simulatedMs;
    if (r.failures.length) { failed++; if (failed < 6) console.log(r.seed, r.failures.slice(0,2)); }
  }
  const s = (realNow() - t) / 1000; const c = process.cpuUsage(cpu);
  console.log({ runs, failed, perSecond: runs / s, cpuPerRunMs: (c.user+c.system) / runs / 1000, events: events/runs, ops: ops/runs, moves: moves/runs, simulated: ms/runs });
  console.log(Object.fromEntries([...seen].sort((a,b)=>b[1]-a[1])));
}
process.exit(0);
