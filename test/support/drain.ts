/** A drain under test, with what it said and did, and waiting for what it does. */
import type { JournalEntry } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { startDrain, type Drain, type DrainOptions } from "#workers/drain-journal";
import type { TestLedger } from "#test/ledger";
import { entry, movements } from "#test/movements";
import { until } from "#test/until";

export interface Harness extends AsyncDisposable {
  readonly drain: Drain;
  readonly fenced: string[];
  readonly lines: string[];
  readonly metrics: ReturnType<typeof createMetrics>;
}

/** Starts one that retries at once. */
export function drainOf(
  options: Pick<DrainOptions, "journal" | "ledgerWriter" | "limits">,
): Harness {
  const fenced: string[] = [];
  const lines: string[] = [];
  const metrics = createMetrics();
  const drain = startDrain({
    ...options,
    limits: { retryMsMin: 5, retryMsMax: 50, ...options.limits },
    clock: systemClock,
    log: createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) }),
    metrics,
    onFenced: (partition, reason) => void fenced.push(`${partition}: ${reason}`),
  });
  return { drain, fenced, lines, metrics, [Symbol.asyncDispose]: () => drain.stop() };
}

export const drainedTo = (db: TestLedger, seq: number) =>
  until(async () => (await db.count("SELECT cursor_seq FROM partitions")) === seq, {
    withinMs: 4_000,
    what: `the cursor is at ${seq}`,
  });
export const met = (what: string, condition: () => boolean | Promise<boolean>) =>
  until(condition, { withinMs: 4_000, what });

/** `count` entries of `size` movements each, from movement 1 on. */
export const entries = (count: number, size: number): JournalEntry[] =>
  Array.from({ length: count }, (_, index) => entry(movements(index * size + 1, size)));
