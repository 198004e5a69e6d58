/** What becomes of reserves of one hot product when more are asked for than can be answered. */
import { helpIfAsked } from "#test/help";
import { aimLines, aimOf, figureText, tableLines, type Aim } from "./aims.ts";
import { print, readNumbers, runBench, say } from "./command.ts";
import { residentBytesOf, startMeter } from "./cpu.ts";
import { settled, underKnownLoad, type Load, type Seen } from "./hot.ts";
import { describeMachine } from "./machine.ts";
import { answersFrom } from "./offered.ts";
import { machineText } from "./report.ts";
import { startBench, type Bench } from "./servers.ts";

helpIfAsked(`Measures what becomes of reserves of one hot product when 2 and 10 times as many are asked for as
can be answered: how many are still made, what the others hear, the memory of the API, and the rate
right afterwards.

Usage:
  bun run bench:overload [options]

Options:
  --seconds N      length of one load                                     (default: 10)
  --connections N  open connections, one request at a time on each        (default: 8000)
  --patience N     ms after which a request that found no connection free
                   is given up                                            (default: 1000)
  --json           prints every figure as JSON

Examples:
  bun run bench:overload
  bun run bench:overload --connections 16000 --seconds 30 --json > overload.json

The generator runs on the same processors: what it could not send it tells (given up). Servers and their
data are its own, in the system's temporary folder (TMPDIR), which must be on a real disk.`);

/** What the service set out to reach. */
const GOODPUT_MIN = 0.9;
const TIMES = [2, 10] as const;
/** Memory may not grow any more in the second half of a load: what bounds it is full by then. */
const GROWTH_MAX = 1.1;

const WARM_UP_SECONDS = 6;
/** Enough to find the peak. */
const PEAK_CONNECTIONS = 256;
const SAMPLE_EVERY_MS = 100;
const RULES = {
  seconds: { fallback: 10, most: 600 },
  connections: { fallback: 8_000, most: 60_000 },
  patience: { fallback: 1_000, most: 60_000 },
};
const MEBIBYTE = 1024 ** 2;

interface Step extends Seen {
  readonly name: string;
  readonly offeredPerSecond: number;
  /** Most bytes of memory that the API's process had, in each half of the load. */
  readonly memory: readonly [number, number];
}

/** Of each half of its samples, the most. */
function mostOfHalves(samples: readonly number[]): readonly [number, number] {
  const middle = Math.ceil(samples.length / 2);
  return [Math.max(0, ...samples.slice(0, middle)), Math.max(0, ...samples.slice(middle))];
}

async function loadOf(bench: Bench, name: string, load: Load): Promise<Step> {
  say(`${name} ...`);
  const samples: number[] = [];
  const { apiPid } = bench.split;
  const sampler = setInterval(() => samples.push(residentBytesOf(apiPid)), SAMPLE_EVERY_MS);
  try {
    const seen = await underKnownLoad(bench, "reserve", load);
    const offeredPerSecond = load.perSecond ?? seen.goodPerSecond;
    return { ...seen, name, offeredPerSecond, memory: mostOfHalves(samples) };
  } finally {
    clearInterval(sampler);
  }
}

interface Overload {
  readonly times: number;
  readonly load: Step;
  /** At once behind it, before the ledger has everything. */
  readonly afterwards: Step;
}

interface Shape {
  readonly seconds: number;
  readonly connections: number;
  readonly patienceMs: number;
}

async function overloadsOf(bench: Bench, peak: Step, shape: Shape): Promise<Overload[]> {
  const all: Overload[] = [];
  for (const times of TIMES) {
    const perSecond = Math.round(peak.goodPerSecond * times);
    const load = await loadOf(bench, `${times} times the peak`, { ...shape, perSecond });
    const afterwards = await loadOf(bench, "right afterwards", peakLoad(shape.seconds));
    all.push({ times, load, afterwards });
    await settled(bench);
  }
  return all;
}

const peakLoad = (seconds: number): Load => {
  return { connections: PEAK_CONNECTIONS, seconds, perSecond: null };
};

/** Answers that are none of: made, 429, 503 with a Retry-After. */
function othersOf({ sent, answers, retryAfter }: Step): number {
  const made = answers["201"] ?? 0;
  const refused = Object.entries(retryAfter)
    .filter(([seconds]) => seconds !== "none")
    .reduce((sum, [, count]) => sum + count, 0);
  return sent - made - refused;
}

function aimsOf(peak: Step, overloads: readonly Overload[]): Aim[] {
  return overloads.flatMap(({ times, load, afterwards }) => {
    const of = `${times} times the peak`;
    const [first, second] = load.memory;
    const values = Object.keys(load.retryAfter).filter((seconds) => seconds !== "none");
    return [
      aimOf(`${of}: reserved a second, of the peak`, load.goodPerSecond / peak.goodPerSecond, {
        least: GOODPUT_MIN,
      }),
      aimOf(`${of}: sent and neither made nor refused with Retry-After`, othersOf(load), {
        most: 0,
      }),
      ...(values.length === 0
        ? []
        : [aimOf(`${of}: different values of Retry-After (jitter)`, values.length, { least: 2 })]),
      aimOf(
        `${of}: memory of the API in the second half of the load, of the first`,
        second / first,
        {
          most: GROWTH_MAX,
        },
      ),
      aimOf(
        `${of}: reserved in the second right afterwards, of the peak's first second`,
        (afterwards.goodBySecond[0] ?? 0) / (peak.goodBySecond[0] ?? Number.NaN),
        { least: GOODPUT_MIN },
      ),
    ];
  });
}

function tableOf(steps: readonly Step[]): string[] {
  const head = ["load", "offered/s", "sent", "201", "429+503", "504", "other", "given up"];
  const more = [
    "201/s",
    "p50 ms",
    "p99 ms",
    "served p50",
    "p99 ms",
    "api µs",
    "MiB",
    "generator of a core",
  ];
  const cells = steps.map((step) => {
    const refused = answersFrom(step, 429, 429) + answersFrom(step, 503, 503);
    const late = answersFrom(step, 504, 504);
    const made = answersFrom(step, 201, 201);
    return [
      step.name,
      String(Math.round(step.offeredPerSecond)),
      ...[step.sent, made, refused, late, step.sent - made - refused - late, step.givenUp].map(
        String,
      ),
      String(Math.round(step.goodPerSecond)),
      figureText(step.goodMs.p50),
      figureText(step.goodMs.p99),
      figureText(step.servedMs.p50),
      figureText(step.servedMs.p99),
      figureText(step.apiUs),
      String(Math.round(Math.max(...step.memory) / MEBIBYTE)),
      figureText(step.cpuShare),
    ];
  });
  return tableLines([[...head, ...more], ...cells]);
}

async function main(args: readonly string[]): Promise<void> {
  const options = readNumbers(args, RULES);
  const shape = {
    seconds: Math.max(2, options.of("seconds")),
    connections: options.of("connections"),
    patienceMs: options.of("patience"),
  };
  await using bench = await startBench(say, { products: 0 });
  const machine = await describeMachine(bench);
  say("warming up ...");
  await underKnownLoad(bench, "reserve", peakLoad(WARM_UP_SECONDS));
  await settled(bench);
  const others = startMeter();
  const peak = await loadOf(bench, "peak", peakLoad(shape.seconds));
  await settled(bench);
  const overloads = await overloadsOf(bench, peak, shape);
  const othersShare = others();
  const aims = aimsOf(peak, overloads);
  if (options.json) {
    const all = { command: args, machine, othersShare, aims, peak, overloads };
    return print(JSON.stringify(all, null, 2));
  }
  const asked = overloads.flatMap(({ times, load }) =>
    Object.entries(load.retryAfter).map(
      ([seconds, count]) => `  ${count} at ${times} times the peak: Retry-After ${seconds}`,
    ),
  );
  const texts = [
    `Holdfast bench:overload: loads of ${shape.seconds} s, ${shape.connections} connections`,
    machineText(machine),
    `others    used ${Math.round(othersShare * 100)} % of the processors meanwhile`,
    "",
    "Aims",
    ...aimLines(aims),
    "",
    "other: no answer, or a status that is none of these; given up: no connection was free for them, or",
    "the generator had no processor; ms: from when a request that got its 201 was due; served: from when it",
    "was sent, without the wait for a free connection; api µs: of the API for each 201.",
    "",
    ...tableOf([peak, ...overloads.flatMap(({ load, afterwards }) => [load, afterwards])]),
    "",
    ...(asked.length === 0 ? ["Nobody was refused."] : asked),
    "",
    "Units that moved are those of who was told so, and at most those who heard 504 or nothing.",
  ];
  print(texts.join("\n"));
}

await runBench(main);
