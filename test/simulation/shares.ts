/** Many runs, divided among processes. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { seedBehind } from "#test/scale";

/** Of one run, whoever asks for how many. */
export const SHARES_MAX = 8;
const SHARE = join(import.meta.dir, "share.ts");
const FAILURES_SHOWN_MAX = 5;
/**
 * Of JavaScriptCore. Most shares are over before its last compiler has paid for itself: without it a
 * thousand runs take some tenth less of the processor, and later ones as much.
 */
const ENGINE = { BUN_JSC_useFTLJIT: "0" };

const Sums = z.object({
  runs: z.int(),
  failed: z.int(),
  events: z.int(),
  operations: z.int(),
  movements: z.int(),
  simulatedMs: z.number(),
});
const Told = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("failed"), seed: z.int(), failures: z.array(z.string()).readonly() }),
  z.object({ kind: z.literal("progress"), runs: z.int() }),
  z.object({
    kind: z.literal("done"),
    sums: Sums,
    seen: z.record(z.string(), z.int()),
    isRepeated: z.boolean(),
  }),
]);
export type Told = z.infer<typeof Told>;

export interface Shared extends z.infer<typeof Sums> {
  /** What happened, by name, and how often. */
  readonly seen: ReadonlyMap<string, number>;
  readonly perSecond: number;
  /** Of the first runs that failed: how to have each again, and why it failed. */
  readonly failures: readonly string[];
}

export interface SharesOptions {
  readonly first: number;
  readonly runs: number;
  /** Default: one for each processor. */
  readonly processes?: number;
  readonly onProgress?: (runs: number) => void;
  readonly onFailure?: (text: string) => void;
}

export const repeatCommand = (seed: number): string => `SEED=${seed} bun run simulate`;

/** In one line: which promise is broken, by which seed, and how to have that run again. */
export const brokenBy = (seed: number, [first = ""]: readonly string[]): string =>
  `BROKEN by seed ${seed}: ${first.split("\n", 1)[0]}; again: ${repeatCommand(seed)}`;

/** Runs the seeds from `first` on; rejects when a process ends before it has told all. */
export async function simulateMany(options: SharesOptions): Promise<Shared> {
  const { first, runs } = options;
  const processes = Math.min(
    options.processes ?? Math.min(availableParallelism(), SHARES_MAX),
    runs,
  );
  const each = Math.ceil(runs / processes);
  const startedAt = performance.now();
  const done = new Map<number, number>();
  const failures: string[] = [];
  const tell = (share: number, told: Told): void => {
    if (told.kind === "failed") {
      const text = [brokenBy(told.seed, told.failures), ...told.failures.slice(1, 3)].join("\n  ");
      if (failures.length < FAILURES_SHOWN_MAX) failures.push(text);
      options.onFailure?.(text);
    } else {
      done.set(share, told.kind === "done" ? told.sums.runs : told.runs);
      options.onProgress?.([...done.values()].reduce((sum, one) => sum + one, 0));
    }
  };
  const shares = await Promise.all(
    Array.from({ length: processes }, (_, share) => {
      const count = Math.min(each, runs - share * each);
      return runShare(seedBehind(first, share * each), Math.max(0, count), (told) =>
        tell(share, told),
      );
    }),
  );
  const sums = { runs: 0, failed: 0, events: 0, operations: 0, movements: 0, simulatedMs: 0 };
  const seen = new Map<string, number>();
  for (const share of shares) {
    for (const name of Object.keys(Sums.shape)) {
      if (name in sums) Object.assign(sums, { [name]: sumOf(shares, name) });
    }
    for (const [name, times] of Object.entries(share.seen)) {
      seen.set(name, (seen.get(name) ?? 0) + times);
    }
    if (!share.isRepeated) failures.push("the same seed was another run the second time");
  }
  const perSecond = (sums.runs / (performance.now() - startedAt)) * 1_000;
  return { ...sums, seen, perSecond, failures };
}

type Share = Extract<Told, { kind: "done" }>;

const sumOf = (shares: readonly Share[], name: string): number =>
  shares.reduce((sum, share) => sum + (new Map(Object.entries(share.sums)).get(name) ?? 0), 0);

async function runShare(first: number, count: number, tell: (told: Told) => void): Promise<Share> {
  const child = Bun.spawn([process.execPath, SHARE, String(first), String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...ENGINE },
  });
  let rest = "";
  let share: Share | null = null;
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told = Told.parse(JSON.parse(line));
      tell(told);
      if (told.kind === "done") share = told;
    }
  }
  const exitCode = await child.exited;
  if (share === null || exitCode !== 0) {
    throw new Error(`the process of the seeds from ${first} on ended with ${exitCode}`);
  }
  return share;
}
