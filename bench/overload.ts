/** What becomes of reserves of one hot product when more are asked for than can be answered. */
import { helpIfAsked } from "#test/help";
import { aimLines, aimOf, figureText, tableLines, type Aim } from "./aims.ts";
import { print, readNumbers, runBench, say } from "./command.ts";
import { othersText, residentBytesOf, startMeter } from "./cpu.ts";
import { settled, underKnownLoad, type Load, type Seen } from "./hot.ts";
import { describeMachine } from "./machine.ts";
import { answersFrom } from "./offered.ts";
import { machineText } from "./report.ts";
import { startBench, type Bench } from "./servers.ts";

helpIfAsked(`Measures what becomes of reserves of one hot product when 2 and 10 times as many are asked for as
can be answered: how many are still made, what the others hear, the memory of the API, and what becomes
of 80 % of the peak from the moment on at which no more are asked for.

Usage:
  bun run bench:overload [options]

Options:
  --seconds N      length of one load; half of it more is what follows    (default: 10)
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
/** Of what a load is named for, so much has to be sent: else it says nothing of it. */
const SENT_MIN = 0.9;
/** Of the peak: what is asked for when the load ends, at once behind it. */
const AFTERWARDS_SHARE = 0.8;
/** Of that, made in every second from its first one on. */
const RECOVERED_MIN = 0.9;
/** Memory may not grow any more in the second half of a load: what bounds it is full by then. */
const GROWTH_MAX = 1.1;

const WARM_UP_SECONDS = 6;
/** Enough to find the peak. */
const PEAK_CONNECTIONS = 256;
const SAMPLE_EVERY_MS = 100;
const RULES = {
  seconds: { fallback: 10, least: 2, most: 600 },
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

/** What the API's process had at a moment on the clock of `performance`. */
interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** Of each half of its samples, the most. */
function mostOfHalves(samples: readonly number[]): readonly [number, number] {
  const middle = Math.ceil(samples.length / 2);
  return [Math.max(0, ...samples.slice(0, middle)), Math.max(0, ...samples.slice(middle))];
}

async function loadOf(bench: Bench, name: string, load: Load): Promise<Step> {
  say(`${name} ...`);
  const samples: Sample[] = [];
  const { apiPid } = bench.split;
  const sampler = setInterval(
    () => samples.push({ atMs: performance.now(), bytes: residentBytesOf(apiPid) }),
    SAMPLE_EVERY_MS,
  );
  const endMs = performance.now() + (load.step?.atSeconds ?? load.seconds) * 1_000;
  try {
    const seen = await underKnownLoad(bench, "reserve", load);
    const offeredPerSecond = load.perSecond ?? seen.goodPerSecond;
    const loaded = samples.filter(({ atMs }) => atMs < endMs).map(({ bytes }) => bytes);
    return { ...seen, name, offeredPerSecond, memory: mostOfHalves(loaded) };
  } finally {
    clearInterval(sampler);
  }
}

interface Overload {
  readonly times: number;
  /** It steps down at that second, to so many a second. */
  readonly atSeconds: number;
  readonly stepPerSecond: number;
  readonly load: Step;
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
    const atSeconds = shape.seconds;
    const stepPerSecond = Math.round(peak.goodPerSecond * AFTERWARDS_SHARE);
    const load = await loadOf(bench, `${times} times the peak`, {
      ...shape,
      seconds: atSeconds + Math.max(2, Math.ceil(atSeconds / 2)),
      perSecond,
      step: { atSeconds, perSecond: stepPerSecond },
    });
    all.push({ times, atSeconds, stepPerSecond, load });
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

/** While the load lasted. */
function sentPerSecond({ load, atSeconds }: Overload): number {
  return load.sentBySecond.slice(0, atSeconds).reduce((sum, count) => sum + count, 0) / atSeconds;
}

/** Made in each second behind the step: who still waited when it came is counted where it was answered. */
const afterwardsOf = ({ load, atSeconds }: Overload): readonly number[] =>
  load.goodBySecond.slice(atSeconds);

function aimsOf(peak: Step, overloads: readonly Overload[]): Aim[] {
  return overloads.flatMap((overload) => {
    const { times, load, stepPerSecond } = overload;
    const of = `${times} times the peak`;
    const [first, second] = load.memory;
    const values = Object.keys(load.retryAfter).filter((seconds) => seconds !== "none");
    return [
      aimOf(`${of}: sent a second, of that`, sentPerSecond(overload) / load.offeredPerSecond, {
        least: SENT_MIN,
      }),
      aimOf(`${of}: reserved a second, of the peak`, load.goodPerSecond / peak.goodPerSecond, {
        least: GOODPUT_MIN,
      }),
      aimOf(`${of}: sent and neither made nor refused with Retry-After`, othersOf(load), {
        most: 0,
      }),
      aimOf(`${of}: different values of Retry-After (jitter)`, values.length, { least: 2 }),
      aimOf(
        `${of}: memory of the API in the second half of the load, of the first`,
        second / first,
        {
          most: GROWTH_MAX,
        },
      ),
      aimOf(
        `${of}: reserved in the worst second behind it, of the ${AFTERWARDS_SHARE * 100} % of the peak that are asked for then`,
        Math.min(...afterwardsOf(overload)) / stepPerSecond,
        { least: RECOVERED_MIN },
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

function afterwardsText(overload: Overload): string {
  const { times, load, stepPerSecond } = overload;
  const { p50, p99 } = load.steppedMs;
  const made = afterwardsOf(overload).join(", ");
  return `  behind ${times} times the peak, ${stepPerSecond} a second: ${made} made in each; p50 ${figureText(p50)} ms, p99 ${figureText(p99)} ms`;
}

async function main(args: readonly string[]): Promise<void> {
  const options = readNumbers(args, RULES);
  const shape = {
    seconds: options.of("seconds"),
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
    othersText(othersShare),
    "",
    "Aims",
    ...aimLines(aims),
    "",
    "other: no answer, or a status that is none of these; given up: no connection was free for them, or",
    "the generator had no processor; ms: from when a request that got its 201 was due; served: from when it",
    "was sent, without the wait for a free connection; api µs: of the API for each 201. The counts have what",
    "was asked for behind the load, too; rates and ms have not.",
    "",
    ...tableOf([peak, ...overloads.map(({ load }) => load)]),
    "",
    ...overloads.map(afterwardsText),
    "",
    ...(asked.length === 0 ? ["Nobody was refused."] : asked),
    "",
    "Units that moved are those of who was told so, and at most those who heard 504 or nothing.",
  ];
  print(texts.join("\n"));
}

await runBench(main);
