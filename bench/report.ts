/** From measurements to what a person reads: medians, ratios, and whether the aims are met. */
import { aimOf, figureText, tableLines, type Aim } from "./aims.ts";
import type { Machine } from "./machine.ts";
import type { Measurement } from "./measure.ts";
import { median } from "./statistics.ts";
import { CHECK_LINES, PROCESSES, type ProcessName, type Variant } from "./variants.ts";

type Figure = (rounds: Rounds, connections: number) => number;
interface AimRule {
  /** Names of the variants that it is about. */
  readonly of: readonly string[];
  readonly words: string;
  readonly figure: Figure;
  /** The same by processor time for each answer; absent where it is one already, or no ratio. */
  readonly byCpu?: Figure;
  readonly least?: number;
  readonly most?: number;
}

const RESERVE = "reserve of one hot product";
const ofEcho = (of: string, words: string, least: number): AimRule => ({
  of: [of, "echo"],
  words: `${words}: of the echo behind the same edge`,
  figure: (rounds, connections) => ratioOf(rounds, of, "echo", connections),
  byCpu: (rounds, connections) =>
    cpuOf(rounds, "echo", connections) / cpuOf(rounds, of, connections),
  least,
});

/** What the service set out to reach. */
const AIMS: readonly AimRule[] = [
  ofEcho("reserve", RESERVE, 0.45),
  {
    of: ["reserve", "postgres"],
    words: `${RESERVE}: times one statement of PostgreSQL`,
    figure: (rounds, connections) => ratioOf(rounds, "reserve", "postgres", connections),
    byCpu: (rounds, connections) =>
      cpuOf(rounds, "postgres", connections) / cpuOf(rounds, "reserve", connections),
    least: 12,
  },
  {
    of: ["reserve"],
    words: `${RESERVE}: µs of processor for each, without wrk`,
    figure: (rounds, connections) => cpuOf(rounds, "reserve", connections, PROCESSES),
    most: 36,
  },
  {
    of: ["reserve", "echo"],
    words: `${RESERVE}: the api's µs, in those of the echo's`,
    figure: (rounds, connections) =>
      cpuOf(rounds, "reserve", connections, ["api"]) / cpuOf(rounds, "echo", connections, ["api"]),
    most: 2,
  },
  {
    of: ["reserve-workers", "reserve"],
    words: "reserve by two processes on one port: µs of processor, in those of one process",
    figure: (rounds, connections) =>
      cpuOf(rounds, "reserve-workers", connections, PROCESSES) /
      cpuOf(rounds, "reserve", connections, PROCESSES),
    most: 1.1,
  },
  ofEcho("reserve-zipf", "reserve over 100 000 products", 0.35),
  ofEcho("confirm", "confirm", 0.35),
  ofEcho("sold-out", "refusal of a sold-out product", 0.7),
  ofEcho("product", "product read", 0.7),
  {
    of: ["check"],
    words: `check-availability of ${CHECK_LINES} lines: lines a second`,
    figure: (rounds, connections) => rateOf(rounds, "check", connections) * CHECK_LINES,
    least: 300_000,
  },
];

export interface Row {
  readonly variant: string;
  readonly connections: number;
  readonly perSecond: number;
  /** Median over the rounds of the ratio to the echo of the same round and connections. */
  readonly toEcho: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: Readonly<Partial<Record<ProcessName | "wrk", number>>>;
  readonly ledgerMs: number | null;
}

/** At a number of connections. */
interface BenchAim extends Aim {
  readonly connections: number;
  /**
   * The same by processor time for each answer, all processes and wrk together: what the ratio
   * comes to where the processors are the limit, and steadier than rates on a busy machine. null
   * where the figure is no ratio of rates.
   */
  readonly byCpu: number | null;
}

/** Measurements of each round, in the order of the rounds. */
export type Rounds = readonly (readonly Measurement[])[];

export function rowsOf(rounds: Rounds): Row[] {
  const names = new Map<string, Measurement>();
  for (const one of rounds.flat()) names.set(`${one.variant} ${one.connections}`, one);
  return Array.from(names.values(), ({ variant, connections }) => {
    const all = rounds.flat().filter((one) => isOf(one, variant, connections));
    const middle = (pick: (one: Measurement) => number | null | undefined) =>
      median(all.map(pick).filter((value) => typeof value === "number"));
    const cpuUs: Partial<Record<ProcessName | "wrk", number>> = {};
    for (const name of [...PROCESSES, "wrk"] as const) {
      const time = middle((one) => one.cpuUs[name]);
      if (!Number.isNaN(time)) cpuUs[name] = time;
    }
    const ledgerMs = middle((one) => one.ledgerMs);
    return {
      variant,
      connections,
      perSecond: middle((one) => one.perSecond),
      toEcho: ratioOf(rounds, variant, "echo", connections),
      p50Ms: middle((one) => one.p50Ms),
      p99Ms: middle((one) => one.p99Ms),
      cpuUs,
      ledgerMs: Number.isNaN(ledgerMs) ? null : ledgerMs,
    };
  });
}

/** Each aim beside its figure; those of variants that were not asked for are left out. */
export function aimsOf(rounds: Rounds, connections: readonly number[]): BenchAim[] {
  const asked = new Set(rounds.flat().map(({ variant }) => variant));
  const rules = AIMS.filter(({ of }) => of.every((name) => asked.has(name)));
  return rules.flatMap(({ words, figure: figureOf, byCpu: cpuFigureOf, ...bound }) =>
    connections.map((count) => {
      const byCpu = cpuFigureOf?.(rounds, count) ?? null;
      const cpu = byCpu === null ? "" : `; by processor time ${figureText(byCpu)}`;
      const aim = aimOf(`${words}, ${count} connections${cpu}`, figureOf(rounds, count), bound);
      return { ...aim, connections: count, byCpu };
    }),
  );
}

/** Answers a second. */
function rateOf(rounds: Rounds, variant: string, connections: number): number {
  const all = rounds.flat().filter((one) => isOf(one, variant, connections));
  return median(all.map(({ perSecond }) => perSecond));
}

/** Both of one round, so that what disturbed the machine disturbed both. */
function ratioOf(rounds: Rounds, of: string, to: string, connections: number): number {
  const ratios = rounds.map((round) => {
    const rate = (name: string) =>
      round.find((one) => isOf(one, name, connections))?.perSecond ?? Number.NaN;
    return rate(of) / rate(to);
  });
  return median(ratios.filter((ratio) => !Number.isNaN(ratio)));
}

/** Processor time of one answer, all these processes together. */
function cpuOf(
  rounds: Rounds,
  variant: string,
  connections: number,
  processes: readonly (ProcessName | "wrk")[] = [...PROCESSES, "wrk"],
): number {
  const all = rounds.flat().filter((one) => isOf(one, variant, connections));
  return median(
    all.map(({ cpuUs }) => processes.reduce((sum, name) => sum + (cpuUs[name] ?? 0), 0)),
  );
}

function sumOf(cpuUs: Row["cpuUs"]): number {
  return Object.values(cpuUs).reduce((sum, time) => sum + time, 0);
}

const isOf = (one: Measurement, variant: string, connections: number): boolean =>
  one.variant === variant && one.connections === connections;

export function machineText(machine: Machine): string {
  const { commit, cores, model, kernel, fileSystem, loadAverage, versions, settings } = machine;
  const list = (facts: Readonly<Record<string, string>>) =>
    Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  const fsync = `${Math.round(machine.fsyncUs)} µs a 4 KiB fsync`;
  return [
    `commit    ${commit}`,
    `machine   ${cores} cores (${model}) shared by the servers, the databases and the generator; Linux ${kernel}`,
    `disk      ${fileSystem}, ${fsync}; load average at the start ${loadAverage.toFixed(2)}`,
    `versions  ${list(versions)}`,
    `settings  ${list(settings)}`,
  ].join("\n");
}

const HEAD = ["variant", "conns", "of echo", "per s", "p50 ms", "p99 ms"];
const CPU_HEAD = ["cpu µs", "api", "worker", "redis", "postgres", "wrk"];

export function tableText(rows: readonly Row[], variants: readonly Variant[]): string {
  const cells = rows.map((row) => [
    row.variant,
    String(row.connections),
    figureText(row.toEcho),
    String(Math.round(row.perSecond)),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    figureText(sumOf(row.cpuUs)),
    ...[...PROCESSES, "wrk" as const].map((name) => figureText(row.cpuUs[name])),
    row.ledgerMs === null ? "-" : String(Math.round(row.ledgerMs)),
  ]);
  const table = [[...HEAD, ...CPU_HEAD, "ledger ms"], ...cells];
  const shown = variants.filter(({ name }) => rows.some(({ variant }) => variant === name));
  const width = Math.max(...shown.map(({ name }) => name.length));
  const titles = shown.map(({ name, title }) => `${name.padEnd(width)}  ${title}`);
  return [
    "Medians over the rounds. cpu µs: processor time for each answer, then by process; ledger ms:",
    "from the end of the load until PostgreSQL had every movement that there was then.",
    "",
    ...tableLines(table),
    "",
    ...titles,
  ].join("\n");
}
