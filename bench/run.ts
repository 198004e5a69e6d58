/** `bun run bench`: every performance claim, measured in one run on the machine it runs on. */
import { aimLines } from "./aims.ts";
import { runBench, say, UsageError } from "./command.ts";
import { othersText, startMeter } from "./cpu.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Measurement } from "./measure.ts";
import { HELP, readOptions, type Options } from "./options.ts";
import { aimsOf, machineText, rowsOf, tableText } from "./report.ts";
import { POOLS, startBench, type Bench } from "./servers.ts";
import { VARIANTS, type Variant } from "./variants.ts";
import { INSTALL_WRK, wrkVersion } from "./wrk.ts";

/** Until the compiler has seen the hot path; plain PostgreSQL has as long in the sweep of its pools. */
const WARM_UP_SECONDS = 6;
const SWEEP_SECONDS = 1;

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    args,
    VARIANTS.map(({ name }) => name),
  );
  if (options.help) return void process.stdout.write(HELP);
  if (wrkVersion() === undefined) throw new UsageError(INSTALL_WRK);
  const startedAt = performance.now();
  await using bench = await startBench(say);
  const machine = await describeMachine(bench);
  if (machine.fileSystem === "tmpfs") {
    say("The data is in memory, where fsync costs nothing: set TMPDIR to a folder on a disk.");
  }
  const chosen = VARIANTS.filter(({ name }) => isChosen(options, name));
  const plan = planOf(chosen, options);
  const pools = await sweep(plan, bench);
  await warmUp(chosen, bench, options);
  const rounds: Measurement[][] = [];
  const others = startMeter();
  for (let round = 1; round <= options.rounds; round += 1) {
    say(`round ${round} of ${options.rounds} ...`);
    const measurements: Measurement[] = [];
    for (const step of plan) {
      const shape = { seconds: options.seconds, connections: step.connections };
      const { url = "" } = pools.get(step) ?? {};
      measurements.push(await measure(step.variant, bench, shape, { url }));
    }
    rounds.push(measurements);
  }
  const othersShare = others();
  const rows = rowsOf(rounds);
  const aims = aimsOf(rounds, options.connections);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const poolSizes = Array.from(pools, ([{ variant, connections }, { size }]) => {
    return { variant: variant.name, connections, pool: size };
  });
  if (options.json) {
    const all = {
      command: args,
      machine,
      othersShare,
      aims,
      rows,
      pools: poolSizes,
      rounds,
      seconds,
    };
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const sizes = poolSizes.map((one) => `${one.variant} at ${one.connections}: ${one.pool}`);
  const texts = [
    `Holdfast bench: ${options.rounds} rounds of ${options.seconds} s; the whole run took ${seconds} s`,
    machineText(machine),
    othersText(othersShare),
    ...(sizes.length === 0
      ? []
      : [`pools     of ${POOLS.join(", ")} connections the fastest; ${sizes.join("; ")}`]),
    "",
    "Aims",
    ...aimLines(aims),
    "",
    tableText(rows, chosen),
    "",
    "Every answer had its status; stock in Redis, the ledger and what was acknowledged agree.",
  ];
  process.stdout.write(`${texts.join("\n")}\n`);
}

/** The echo is always there: without it there is no ratio. */
function isChosen({ only }: Options, name: string): boolean {
  return only.length === 0 || only.includes(name) || name === "echo";
}

interface Step {
  readonly variant: Variant;
  readonly connections: number;
}

function planOf(variants: readonly Variant[], { connections }: Options): Step[] {
  const swept = variants.filter(({ isSwept }) => isSwept);
  const others = variants.filter(({ isSwept }) => !isSwept);
  return [
    ...connections.flatMap((count) => swept.map((variant) => ({ variant, connections: count }))),
    ...others.map((variant) => ({ variant, connections: connections[0] })),
  ];
}

interface Pool {
  readonly size: number;
  readonly url: string;
}

/** The pool with which plain PostgreSQL is fastest, for each of its steps. */
async function sweep(plan: readonly Step[], bench: Bench): Promise<Map<Step, Pool>> {
  const best = new Map<Step, Pool>();
  for (const step of plan) {
    const { variant, connections } = step;
    if (variant.pool === undefined) continue;
    say(`looking for the pool of ${variant.name} at ${connections} connections ...`);
    let most = 0;
    // Each more than once, and its best counts: a pool must not lose by what disturbed its turn.
    for (const size of [...POOLS, ...POOLS]) {
      const url = bench.rivals.urls.get(`${variant.pool}-${size}`) ?? "";
      const shape = { seconds: SWEEP_SECONDS, connections };
      const { perSecond } = await measure(variant, bench, shape, { url });
      if (perSecond > most) best.set(step, { size, url });
      most = Math.max(most, perSecond);
    }
  }
  return best;
}

/** Plain PostgreSQL was warmed up by the sweep. */
async function warmUp(variants: readonly Variant[], bench: Bench, options: Options): Promise<void> {
  say("warming up ...");
  const [connections] = options.connections;
  for (const variant of variants) {
    if (variant.pool !== undefined) continue;
    await measure(variant, bench, { seconds: WARM_UP_SECONDS, connections });
  }
}

await runBench(main);
