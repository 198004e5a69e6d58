/** Rushes that tests start: the command as a process of its own, and what it printed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startChild } from "#embedded/child";
import type { FalseClock } from "#test/false-clock";
import { ROOT } from "#test/packaging";
import { counted } from "#test/scale";
import { freeClockNames, temporaryFolder } from "#test/servers";
import { until } from "#test/until";

/** Lines of a storm that tell the same, after which it is calm. */
const CALM_LINES = 2;
/** More than a storm of these tests takes, on a machine that does much else. */
const STORM_MS_MAX = counted(120_000, 15 * 60_000);

const Sum = z.number().nullable();
const Report = z.object({
  productId: z.string(),
  seed: z.number(),
  right: z.boolean(),
  rows: z.array(
    z.object({
      name: z.string(),
      told: z.number(),
      settled: z.number(),
      movements: Sum,
      reservations: Sum,
      product: Sum,
      right: z.boolean(),
      differing: z.array(z.string()),
    }),
  ),
  unknown: z.array(z.object({ verb: z.string(), was: z.string() })),
  requests: z.object({ answered: z.number(), again: z.number(), lost: z.number() }),
  reserve: z.object({ count: z.number(), served: z.object({ p50: z.number(), p99: z.number() }) }),
  orders: z.number(),
  movements: z.number(),
  seconds: z.number(),
});
export type RushReport = z.output<typeof Report>;

export interface Rushing extends AsyncDisposable {
  readonly pid: number;
  /** All that it printed so far, progress and table. */
  readonly output: () => string;
  signal(name: NodeJS.Signals): void;
  exitCode(): Promise<number>;
}

/** Starts `rush` with these arguments; `env` is its whole environment, but for PATH and HOME. */
export function rushing(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Rushing {
  const folder = temporaryFolder("rush");
  const own = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };
  const child = startChild({
    command: [process.execPath, join(ROOT, "src/main.ts"), "rush", ...args],
    // What a killed one leaves in the temporary folder goes with the test.
    env: { ...own, TMPDIR: folder, ...env },
    logFile: join(folder, "log"),
    endSignal: "SIGTERM",
  });
  return {
    pid: child.pid,
    output: () => (existsSync(child.logFile) ? readFileSync(child.logFile, "utf8") : ""),
    signal: (name) => child.signal(name),
    async exitCode() {
      await until(() => child.hasExited(), { withinMs: STORM_MS_MAX, what: "the rush is over" });
      const code: unknown = await child.exited;
      return Number(code);
    },
    [Symbol.asyncDispose]: () => child.end("SIGTERM", STORM_MS_MAX),
  };
}

/** The report of a rush that was asked for `--json`. */
export function reportIn(output: string): RushReport {
  const line = output.split("\n").findLast((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`there is no report in:\n${output}`);
  return Report.parse(JSON.parse(line));
}

/** A sum that the report names. */
export function rowOf(report: RushReport, name: string): RushReport["rows"][number] {
  const row = report.rows.find((one) => one.name === name);
  if (row === undefined) throw new Error(`there is no row ${name}`);
  return row;
}

/** Behind the end of every hold of a rush. */
const HOLDS_ENDED_SECONDS = 65;

/** Storms on one clock: the minute of their holds passes when all that have begun are calm. */
export class SharedMinute {
  readonly #clock: FalseClock;
  #offset = 0;
  #inside = 0;
  #calm = 0;
  #passed = Promise.withResolvers<void>();

  constructor(clock: FalseClock) {
    this.#clock = clock;
  }

  /** A storm that begins; it ends with what is answered. */
  begin(): Disposable {
    this.#inside += 1;
    return {
      [Symbol.dispose]: () => {
        this.#inside -= 1;
        this.#passIfCalm();
      },
    };
  }

  /** Of a storm that began and is calm: resolves when the minute has passed. */
  async calm(): Promise<void> {
    this.#calm += 1;
    const { promise } = this.#passed;
    this.#passIfCalm();
    await promise;
  }

  #passIfCalm(): void {
    if (this.#calm === 0 || this.#calm < this.#inside) return;
    // It goes on from where the last storms left it: Redis's own never goes back.
    this.#offset += HOLDS_ENDED_SECONDS;
    this.#clock.set(this.#offset);
    this.#passed.resolve();
    this.#passed = Promise.withResolvers();
    this.#calm = 0;
  }
}

/** Waits until all have come and wait for what is left to expire. */
export async function calmedDown({ output, pid }: Rushing, shoppers: number): Promise<void> {
  const all = `${shoppers}`.replaceAll(/\B(?=(?:\d{3})+$)/g, " ");
  // Who waits in line asks on and on: it is calm when the sums stand still, and somebody is answered.
  const told = new RegExp(`(held .* left [\\d ?]+)   +([\\d ]+)/s   +came ${all} `);
  const from = output().length;
  const isCalm = (): boolean => {
    const lines = output()
      .slice(from)
      .split(/[\r\n]+/);
    const last = lines.flatMap((line) => told.exec(line) ?? []).slice(-3 * CALM_LINES);
    const sums = last.filter((_, i) => i % 3 === 1);
    const rates = last.filter((_, i) => i % 3 === 2).map(Number);
    return sums.length === CALM_LINES && new Set(sums).size === 1 && rates.some((rate) => rate > 0);
  };
  await until(isCalm, {
    withinMs: STORM_MS_MAX,
    what: "the storm has calmed down",
  });
  freeClockNames(pid);
}
