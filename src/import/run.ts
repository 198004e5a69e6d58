/**
 * Reads a source up to three times: all rows against each other, then products, then holds; and does
 * with each row what was asked for.
 */
import { stat } from "node:fs/promises";
import { createApi, type Api, type FoundToken } from "#import/api";
import { COMPARED_AT_ONCE, compareHold, compareProduct } from "#import/compare";
import { csv } from "#import/csv";
import { dynamodb } from "#import/dynamodb";
import { groupLevels } from "#import/group-levels";
import { holdCounted } from "#import/hold-counted";
import { json } from "#import/json";
import { nest } from "#import/nest-dump";
import type { ImportOptions, SourceName } from "#import/options";
import { createReport, type Report } from "#import/report";
import { Stopped, type Reading, type Row, type Source } from "#import/rows";
import { HOLDS_AT_ONCE, requireMounted, sendHold, type PlacedHold } from "#import/send-holds";
import { createCalls, sendProducts, type Placed } from "#import/send-products";
import { surveyed, type Survey } from "#import/survey";

/** Products that failed are remembered for their holds; a source that bad is not read to its end. */
const FAILED_PRODUCTS_MAX = 100_000;

const SOURCES: Readonly<Record<SourceName, Source>> = {
  dynamodb,
  nest,
  json: (reading) => holdCounted(groupLevels(json(reading)), reading),
  csv: (reading) => holdCounted(groupLevels(csv(reading)), reading),
};

export interface ImportDeps {
  /** Where the API is. */
  readonly url: string;
  /** Of an admin; null for a dry run, which asks nothing of the API. */
  readonly token: FoundToken | null;
  /** Epoch milliseconds. */
  readonly clock: { now(): number };
  /** Takes one line for people. */
  readonly say: (line: string) => void;
}

/** Whether every row is where it should be. Rejects with Stopped when it could not go on. */
export async function runImport(options: ImportOptions, deps: ImportDeps): Promise<boolean> {
  const { clock, say, token, url } = deps;
  const bytes = await sizeOf(options.files);
  const file = options.report ?? null;
  let readings = options["dry-run"] ? 2 : 3;
  if (file !== null) await emptied(file);
  const report = createReport({ file, bytesTotal: () => bytes * readings, clock, say });
  const api = createApi({ url, token: token ?? NO_TOKEN, clock });
  const reading: Reading = {
    files: options.files,
    now: clock.now(),
    heldBy: options["held-by"] ?? null,
    through: options.through ?? "inventory",
    tables: options.table,
    onBytes: (count) => report.onBytes(count),
    onIgnored: (field) => report.onIgnored(field),
  };
  const source = SOURCES[options.from];
  try {
    const survey = await surveyed(source({ ...reading, onIgnored: () => {} }));
    if (survey.contracts.size === 0) readings = 2;
    const isSending = !options["dry-run"] && !options.compare;
    if (!options["dry-run"]) await requireMounted(api, isSending ? survey.contracts : new Set());
    const steps = stepsOf(options, { api, report, now: () => clock.now() });
    await readProducts(source(reading), { report, steps, survey });
    const { products, holds } = report;
    if (products.read + holds.read + report.history === 0) {
      throw new Stopped("the files have no rows");
    }
    if (options["dry-run"]) {
      for (const counts of [products, holds]) counts.valid = counts.read - counts.refused;
    } else if (holds.read > 0) await readHolds(source(reading), steps, survey);
    say(`${doneOf(options, url)}; ${report.summary()}`);
    return report.isComplete();
  } catch (error) {
    say(`stopped; ${report.summary()}`);
    throw error;
  } finally {
    await report.close();
  }
}

const NO_TOKEN: FoundToken = { token: "", from: "none" };

function doneOf(options: ImportOptions, url: string): string {
  if (options["dry-run"]) return "checked, nothing sent";
  return options.compare ? `compared with ${url}` : `done, into ${url}`;
}

interface Steps {
  /** Of a product whose row is refused: nothing of it may be held. */
  readonly refuse: (productId: string) => void;
  readonly product: (row: Placed) => Promise<void>;
  /** Behind the last product. */
  readonly flush: () => Promise<void>;
  readonly hold: (row: PlacedHold) => Promise<void>;
  /** Holds under way at once. */
  readonly holdsAtOnce: number;
}

interface StepDeps {
  readonly api: Api;
  readonly report: Report;
  readonly now: () => number;
}

async function nothing(): Promise<void> {}

function stepsOf(options: ImportOptions, { api, report, now }: StepDeps): Steps {
  const holdsAtOnce = HOLDS_AT_ONCE;
  const refuse = (): void => {};
  if (options["dry-run"]) {
    return { refuse, product: nothing, flush: nothing, hold: nothing, holdsAtOnce };
  }
  if (options.compare) {
    const products = atOnce(COMPARED_AT_ONCE, (row: Placed) =>
      compareProduct({ api, report }, row),
    );
    const hold = (row: PlacedHold) => compareHold({ api, report }, row);
    return { refuse, product: products.add, flush: products.flush, hold, holdsAtOnce };
  }
  const failed = new Set<string>();
  const onFailed = (productId: string): void => {
    failed.add(productId);
    if (failed.size > FAILED_PRODUCTS_MAX) {
      throw new Stopped(`more than ${FAILED_PRODUCTS_MAX} products could not be imported`);
    }
  };
  const calls = createCalls((rows) => sendProducts({ api, report, onFailed }, rows));
  const isFailed = (productId: string) => failed.has(productId);
  const hold = (row: PlacedHold) => sendHold({ api, report, now, isFailed }, row);
  return { refuse: onFailed, product: calls.add, flush: calls.flush, hold, holdsAtOnce };
}

interface ProductReading {
  readonly report: Report;
  readonly steps: Steps;
  readonly survey: Survey;
}

/** All kinds of rows are counted, and what cannot be taken is told. */
async function readProducts(
  rows: AsyncGenerator<Row>,
  { report, steps, survey }: ProductReading,
): Promise<void> {
  for await (const row of rows) {
    const twin = survey.refusalOf(row);
    switch (row.kind) {
      case "product":
        report.products.read += 1;
        if (twin === null) await steps.product(row);
        else {
          steps.refuse(row.product.body.productId);
          report.fail("product", "refused", row.at, [twin]);
        }
        break;
      case "hold":
        report.holds.read += 1;
        if (twin !== null) report.fail("hold", "refused", row.at, [twin]);
        break;
      case "history":
        report.history += 1;
        break;
      case "refused":
        report.products.read += 1;
        if (row.productId !== undefined) steps.refuse(row.productId);
        report.fail("product", "refused", row.at, row.errors);
        break;
    }
  }
  await steps.flush();
}

/** The products are there, and holds can be made: of each owner, one. */
async function readHolds(rows: AsyncGenerator<Row>, steps: Steps, survey: Survey): Promise<void> {
  const holds = atOnce(steps.holdsAtOnce, steps.hold);
  for await (const row of rows) {
    if (row.kind === "hold" && survey.refusalOf(row) === null) await holds.add(row);
  }
  await holds.flush();
}

/** Gathers rows and does so many of them at once. */
function atOnce<Item>(count: number, run: (item: Item) => Promise<void>) {
  let waiting: Item[] = [];
  const flush = async (): Promise<void> => {
    const items = waiting;
    waiting = [];
    await Promise.all(items.map(run));
  };
  const add = async (item: Item): Promise<void> => {
    waiting.push(item);
    if (waiting.length >= count) await flush();
  };
  return { add, flush };
}

/** An earlier report goes: what stands in the file is of this run. */
async function emptied(file: string): Promise<void> {
  try {
    await Bun.write(file, "");
  } catch (error) {
    throw new Stopped(`the report ${file} cannot be written: ${String(error)}`, { cause: error });
  }
}

async function sizeOf(files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    const found = await stat(file).catch((error: unknown) => {
      throw new Stopped(`there is no file ${file}`, { cause: error });
    });
    if (found.isDirectory()) throw new Stopped(`${file} is a folder: name the files in it`);
    bytes += found.size;
  }
  return bytes;
}
