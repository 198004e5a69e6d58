/** One run of counts, chunk by chunk. A chunk that is repeated has no second effect: see `countAt`. */
import { callerOf, type Deps, type RequestContext } from "#inventory/context";
import { countAt, type CountAtOutcome } from "#inventory/count-at";
import { countRefusal } from "#inventory/count-refusal";
import type { CountPass, CountRow, CountRowError, CountRun } from "#inventory/count-run-ports";
import { Fault } from "#inventory/faults";
import type { StockStore } from "#inventory/ports";
import type { Clock } from "#lib/clock";

/** What one chunk may take. */
const CHUNK_MS_MAX = 20_000;
/** With so many tries in vain, a row that fails by itself is told as an error: others wait for it. */
const TRIES_MAX = 10;

/** The table of runs, as a run sees it. */
export interface CountRunSteps {
  chunk(id: string, number: number): Promise<readonly CountRow[]>;
  advance(
    id: string,
    pass: CountPass,
    number: number,
    done: {
      readonly rows: number;
      readonly succeeded: number;
      readonly differing: number;
      readonly errors: readonly CountRowError[];
    },
  ): Promise<boolean>;
  apply(id: string): Promise<void>;
  begin(id: string): Promise<CountRun | null>;
}

export interface CountRunOptions {
  readonly deps: Pick<Deps, "store" | "ledger" | "clock">;
  readonly steps: CountRunSteps;
  /** Before each chunk; rejects when the process stops. */
  readonly onChunk: () => void;
}

type Count = Extract<CountRow, { readonly quantity: unknown }>;

/** Goes on where the run is; answers how it ended, null where another worker has it. */
export async function countRun(
  { deps, steps, onChunk }: CountRunOptions,
  begun: CountRun,
): Promise<"completed" | "rejected" | null> {
  const repeated = await repeatedRows(deps, steps, begun);
  for (let run = begun; ;) {
    for (let chunk = run.nextChunk, tries = run.tries; ; chunk += 1, tries = 0) {
      onChunk();
      const rows = await steps.chunk(run.id, chunk);
      if (rows.length === 0) break;
      const done = await countChunk(deps, { run, chunk, tries, repeated }, rows);
      if (!(await steps.advance(run.id, run.pass, chunk, done))) return null;
    }
    const now = await steps.begin(run.id);
    if (now === null || now.done !== now.rows) return null;
    if (!now.commit || now.pass === "apply") return "completed";
    if (now.succeeded < now.rows) return "rejected";
    await steps.apply(run.id);
    const applying = await steps.begin(run.id);
    if (applying === null) return null;
    run = applying;
  }
}

/** Rows about a level that an earlier row is about: `countAt` sees but those of one chunk. */
async function repeatedRows(
  { store, clock }: { readonly store: StockStore; readonly clock: Clock },
  steps: CountRunSteps,
  { id }: CountRun,
): Promise<ReadonlySet<number>> {
  const seen = new Set<string>();
  const repeated = new Set<number>();
  for (let number = 0; ; number += 1) {
    const rows = await steps.chunk(id, number);
    if (rows.length === 0) return repeated;
    const counts = rows.filter(isCount);
    const deadline = clock.now() + CHUNK_MS_MAX;
    const levels = await Promise.all(counts.map((count) => levelOf(store, count, deadline)));
    for (const [place, { row }] of counts.entries()) {
      const level = levels[place] ?? "";
      if (seen.has(level)) repeated.add(row);
      seen.add(level);
    }
  }
}

/** null as a location is the product's home, which one asks for. */
async function levelOf(
  store: StockStore,
  { productId, location }: Count,
  deadline: number,
): Promise<string> {
  const where = location ?? (await store.product(productId, deadline))?.home ?? "";
  return `${productId}\n${where}`;
}

const isCount = (row: CountRow): row is Count => "quantity" in row;

interface Place {
  readonly run: CountRun;
  readonly chunk: number;
  readonly tries: number;
  readonly repeated: ReadonlySet<number>;
}

async function countChunk(
  deps: CountRunOptions["deps"],
  { run, chunk, tries, repeated }: Place,
  rows: readonly CountRow[],
) {
  const counts = rows.filter((row): row is Count => isCount(row) && !repeated.has(row.row));
  const ctx: RequestContext = {
    caller: callerOf(run.askedBy),
    requestId: `${run.id}.${chunk}`,
    operation: null,
    deadline: deps.clock.now() + CHUNK_MS_MAX,
  };
  const grounds = run.reference === null ? {} : { reference: run.reference };
  const input = { counts, commit: run.pass === "apply", ...grounds };
  const outcomes = counts.length === 0 ? [] : await countAt(deps, ctx, input);
  const byRow = new Map(counts.map(({ row }, place) => [row, outcomes[place]]));
  const errors: CountRowError[] = [];
  let differing = 0;
  for (const row of rows) {
    if (!isCount(row)) {
      const { wrong, ...told } = row;
      errors.push({ ...told, code: "validation_failed", message: wrong });
      continue;
    }
    const outcome: CountAtOutcome | undefined = repeated.has(row.row)
      ? { kind: "twice" }
      : byRow.get(row.row);
    if (outcome === undefined) throw new Error("a count was not answered");
    if (outcome.kind === "found") {
      if (outcome.found.delta !== 0) differing += 1;
      continue;
    }
    const { line, productId, location } = row;
    errors.push({ row: row.row, line, productId, location, ...refusalOf(row, outcome, tries) });
  }
  const { length } = rows;
  return { rows: length, succeeded: length - errors.length, differing, errors };
}

function refusalOf(row: Count, outcome: Exclude<CountAtOutcome, { kind: "found" }>, tries: number) {
  try {
    return countRefusal(row, outcome);
  } catch (error) {
    if (!(error instanceof Fault) || tries < TRIES_MAX) throw error;
    return { code: error.code, message: error.message };
  }
}
