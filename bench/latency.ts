/** How long a reserve of one hot product takes at 80 % of the peak, beside the echo of the same edge. */
import { helpIfAsked } from "#test/help";
import { aimLines, aimOf, figureText, tableLines, type Aim } from "./aims.ts";
import { print, readNumbers, runBench, say } from "./command.ts";
import { othersText, startMeter } from "./cpu.ts";
import { mustBeWhole, settled, underKnownLoad, type Asked, type Seen } from "./hot.ts";
import { describeMachine } from "./machine.ts";
import { whyOfGenerator } from "./offered.ts";
import { machineText } from "./report.ts";
import { startBench, type Bench } from "./servers.ts";
import { median } from "./statistics.ts";

helpIfAsked(`Measures how long a reserve of one hot product takes at 80 % of the peak, beside the echo of the
same edge, under a load of a constant rate (open loop): latency counts from the moment at which a request
was due, whatever the server did then.

Usage:
  bun run bench:latency [options]

Options:
  --seconds N      length of one load                                (default: 10)
  --rounds N       rounds; medians are printed                       (default: 3)
  --connections N  open connections                                  (default: 256)
  --percent N      of the peak that the same round measured          (default: 80)
  --json           prints every figure as JSON

Examples:
  bun run bench:latency
  bun run bench:latency --seconds 30 --percent 50 --json > latency.json

Servers and their data are its own, in the system's temporary folder (TMPDIR), which must be on a real
disk for fsync to cost what it costs.`);

/** What the service set out to reach: its p99 in those of the echo. */
const RATIO_MAX = 5;
const WARM_UP_SECONDS = 6;
/** Of a load, the part that finds the peak. */
const PEAK_SHARE = 0.5;
const RULES = {
  seconds: { fallback: 10, least: 2, most: 600 },
  rounds: { fallback: 3, most: 100 },
  connections: { fallback: 256, most: 4_096 },
  percent: { fallback: 80, most: 99 },
};

/** One load: whose peak its rate is a part of stands in its name. */
interface Step extends Seen {
  readonly name: string;
  readonly offeredPerSecond: number;
}

interface Shape {
  readonly connections: number;
  readonly seconds: number;
  readonly percent: number;
}

async function roundOf(bench: Bench, shape: Shape): Promise<readonly Step[]> {
  const { connections, percent } = shape;
  const load = async (name: string, asked: Asked, perSecond: number | null): Promise<Step> => {
    const seconds =
      perSecond === null ? Math.max(2, Math.round(shape.seconds * PEAK_SHARE)) : shape.seconds;
    const seen = await underKnownLoad(bench, asked, { connections, seconds, perSecond });
    await settled(bench);
    return {
      ...mustBeWhole(seen, name),
      name,
      offeredPerSecond: perSecond ?? Math.round(seen.goodPerSecond),
    };
  };
  const shareOf = (peak: Step): number => Math.round((peak.offeredPerSecond * percent) / 100);
  const echoPeak = await load("echo, peak", "echo", null);
  const reservePeak = await load("reserve, peak", "reserve", null);
  return [
    echoPeak,
    reservePeak,
    await load(`echo, ${percent} % of its peak`, "echo", shareOf(echoPeak)),
    await load(`reserve, ${percent} % of its peak`, "reserve", shareOf(reservePeak)),
    await load("echo, at the rate of that", "echo", shareOf(reservePeak)),
  ];
}

/** Medians over the rounds of each step. */
function rowsOf(rounds: readonly (readonly Step[])[]) {
  return (rounds[0] ?? []).map(({ name }, index) => {
    const middle = (pick: (step: Step) => number | null): number =>
      median(rounds.map((steps) => steps[index]).flatMap((step) => (step && pick(step)) ?? []));
    return {
      name,
      offeredPerSecond: middle((step) => step.offeredPerSecond),
      goodPerSecond: middle((step) => step.goodPerSecond),
      p50Ms: middle(({ goodMs }) => goodMs.p50),
      p99Ms: middle(({ goodMs }) => goodMs.p99),
      p999Ms: middle(({ goodMs }) => goodMs.p999),
      mostMs: middle(({ goodMs }) => goodMs.most),
      lateP99Ms: middle(({ lateMs }) => lateMs.p99),
      apiUs: middle((step) => step.apiUs),
      generatorUs: middle((step) => step.cpuUs),
      generatorShare: middle((step) => step.cpuShare),
    };
  });
}

type Row = ReturnType<typeof rowsOf>[number];

/** The places of the loads that are held against each other, in a round. */
const [ECHO, RESERVE, ECHO_AT_ITS_RATE] = [2, 3, 4];

/** Of one round, so that what disturbed the machine disturbed both. */
function ratioOf(rounds: readonly (readonly Step[])[], to: number): number {
  return median(
    rounds.map((steps) => {
      const p99Of = (place: number): number => steps[place]?.goodMs.p99 ?? Number.NaN;
      return p99Of(RESERVE) / p99Of(to);
    }),
  );
}

/** p99 of a reserve in those of an echo; missed, and why, where the echo's is the generator's. */
function aimBeside(
  words: string,
  rounds: readonly (readonly Step[])[],
  echo: Row | undefined,
  to: number,
): Aim {
  const ratio = ratioOf(rounds, to);
  const why = echo === undefined ? null : whyOfGenerator(echo);
  if (why === null) return aimOf(words, ratio, { most: RATIO_MAX });
  const said = `${words}: cannot be measured, ${why} (it came to ${figureText(ratio)})`;
  return aimOf(said, Number.NaN, { most: RATIO_MAX });
}

function table(rows: readonly Row[]): string[] {
  const head = ["load", "offered/s", "answered/s", "p50 ms", "p99 ms", "p99.9 ms", "most ms"];
  const more = ["late p99 ms", "api µs", "generator µs", "of a core"];
  const cells = rows.map((row) => [
    row.name,
    String(Math.round(row.offeredPerSecond)),
    String(Math.round(row.goodPerSecond)),
    ...[row.p50Ms, row.p99Ms, row.p999Ms, row.mostMs, row.lateP99Ms].map((ms) => ms.toFixed(2)),
    figureText(row.apiUs),
    figureText(row.generatorUs),
    figureText(row.generatorShare),
  ]);
  return tableLines([[...head, ...more], ...cells]);
}

async function main(args: readonly string[]): Promise<void> {
  const options = readNumbers(args, RULES);
  const shape = {
    connections: options.of("connections"),
    seconds: options.of("seconds"),
    percent: options.of("percent"),
  };
  await using bench = await startBench(say, { products: 0 });
  const machine = await describeMachine(bench);
  say("warming up ...");
  for (const asked of ["echo", "reserve"] as const) {
    const { connections } = shape;
    await underKnownLoad(bench, asked, { connections, seconds: WARM_UP_SECONDS, perSecond: null });
  }
  await settled(bench);
  const rounds: (readonly Step[])[] = [];
  const others = startMeter();
  for (let round = 1; round <= options.of("rounds"); round += 1) {
    say(`round ${round} of ${options.of("rounds")} ...`);
    rounds.push(await roundOf(bench, shape));
  }
  const othersShare = others();
  const rows = rowsOf(rounds);
  const { percent } = shape;
  const words = `p99 of a reserve at ${percent} % of its peak, in those of the echo at`;
  const aims = [
    aimBeside(`${words} ${percent} % of its own`, rounds, rows[ECHO], ECHO),
    aimBeside(`${words} the reserve's rate`, rounds, rows[ECHO_AT_ITS_RATE], ECHO_AT_ITS_RATE),
  ];
  if (options.json) {
    const all = { command: args, machine, othersShare, aims, rows, rounds };
    return print(JSON.stringify(all, null, 2));
  }
  const texts = [
    `Holdfast bench:latency: ${rounds.length} rounds of ${shape.seconds} s, ${shape.connections} connections`,
    machineText(machine),
    othersText(othersShare),
    "",
    "Aims",
    ...aimLines(aims),
    "",
    "Medians over the rounds, of what was due after the first second. Latency counts from when a request",
    "was due, in groups of 1 ms; late: until it was sent; the generator's µs for each request.",
    "",
    ...table(rows),
  ];
  print(texts.join("\n"));
}

await runBench(main);
