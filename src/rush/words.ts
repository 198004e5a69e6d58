/** A rush in words: the line while it runs, and the table at its end. */
import type { Rush } from "#rush/run";
import type { Storm } from "#rush/storm";
import type { Row } from "#rush/table";

/** Calls without a certain answer that are named; the others are counted. */
const UNKNOWN_SHOWN_MAX = 20;
const THOUSANDS = /\B(?=(?:\d{3})+$)/g;

export const numberText = (count: number): string => `${count}`.replaceAll(THOUSANDS, " ");
export const secondsText = (seconds: number): string => `${seconds.toFixed(1)} s`;
const msText = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;

export interface Progress {
  /** What is free now; null: nobody could say. */
  readonly left: number | null;
  readonly perSecond: number;
}

/** Of a storm, what is told while it lasts. */
export type Shown = Pick<Storm, "came" | "inside"> & {
  readonly told: {
    readonly refused: number;
    readonly held: { readonly size: number };
    readonly sold: { readonly size: number };
  };
};

/** Always the same words in the same order. */
export function progressWords({ told, came, inside }: Shown, progress: Progress): string {
  const { left, perSecond } = progress;
  return [
    `held ${numberText(told.held.size)}`,
    `refused ${numberText(told.refused)}`,
    `sold ${numberText(told.sold.size)}`,
    `left ${left === null ? "?" : numberText(left)}`,
    `${numberText(Math.round(perSecond))}/s`,
    `came ${numberText(came)}`,
    `inside ${numberText(inside)}`,
  ].join("   ");
}

const HEADS = ["", "told", "settled", "movements", "reservations", "product", ""] as const;

/** The whole closing text. */
export function closingText(rush: Rush): string {
  const { plan, table, seconds } = rush;
  const hasUnknown = table.unknown.length > 0;
  const rows = table.rows.map((row) => cellsOf(row));
  const shown = [HEADS, ...rows].map((cells) =>
    cells.filter((_, column) => hasUnknown || column !== HEADS.indexOf("settled")),
  );
  const widths = (shown[0] ?? []).map((_, column) =>
    Math.max(...shown.map((cells) => cells[column]?.length ?? 0)),
  );
  const lines = shown.map((cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const who = `${numberText(plan.shoppers)} shoppers, ${numberText(plan.units)} units`;
  return [
    "",
    `${plan.productId}: ${who}, seed ${plan.seed}, over after ${secondsText(seconds)}`,
    "",
    ...lines,
    ...namesOf(table.rows),
    "",
    ...unknownLines(rush),
    ...figures(rush),
    "",
  ].join("\n");
}

function cellsOf(row: Row): string[] {
  const cell = (sum: number | null): string => (sum === null ? "" : numberText(sum));
  const settled = row.settled === 0 ? "" : numberText(row.settled);
  const sums = [row.movements, row.reservations, row.product].map(cell);
  return [row.name, cell(row.told), settled, ...sums, row.isRight ? "✓" : "✗"];
}

/** Below the table, so that its columns stay narrow. */
const namesOf = (rows: readonly Row[]): string[] =>
  rows
    .filter(({ differing }) => differing.length > 0)
    .map(({ name, differing }) => `${name}: ${differing.join(", ")}`);

function unknownLines({ table }: Rush): string[] {
  const { unknown } = table;
  const lines = unknown
    .slice(0, UNKNOWN_SHOWN_MAX)
    .map(({ verb, orderId, why, was }) => `  ${verb} of ${orderId} (${why}): ${was}`);
  const more = unknown.length - lines.length;
  return [
    `unknown outcomes   ${numberText(unknown.length)}${unknown.length > 0 ? ", by the ledger:" : ""}`,
    ...lines,
    ...(more > 0 ? [`  and ${numberText(more)} more`] : []),
  ];
}

function figures({ reserves, line, orders, movements, plan }: Rush): string[] {
  const { served, felt, count } = reserves;
  const both = ({ p50, p99 }: typeof served): string => `p50 ${msText(p50)}, p99 ${msText(p99)}`;
  const repeated = `${numberText(line.again)} said come again, ${numberText(line.lost)} were lost`;
  return [
    `reserve            ${both(served)} (${numberText(count)} answers)`,
    `as shoppers felt   ${both(felt)} (with the wait for one of our connections)`,
    `rate               ${numberText(line.best)} answers in the best second`,
    `requests           ${numberText(line.answered)} answered, of which ${repeated}`,
    `orders             ${numberText(orders)} of ${numberText(plan.shoppers)} shoppers; ` +
      `${numberText(movements)} movements`,
  ];
}

/** As one object: what a program wants to know. */
export function reportOf(rush: Rush) {
  const { plan, table, isRight, reserves, line, orders, movements, seconds } = rush;
  const { productId, shoppers, units, seed } = plan;
  return {
    productId,
    shoppers,
    units,
    seed,
    seconds,
    right: isRight,
    rows: table.rows.map(({ isRight: right, ...row }) => ({ ...row, right })),
    unknown: table.unknown,
    reserve: reserves,
    requests: line,
    orders,
    movements,
  };
}

/** How to look at what is left of it; where the service has ended with the rush, another start first. */
export function looksText({ plan }: Rush, url: string, isServed: boolean): string {
  const { productId } = plan;
  const api = `${url}/api/inventory`;
  const authorized = 'curl -H "Authorization: Bearer $TOKEN"';
  return [
    `Look at it${isServed ? "" : " (once it runs again: bun run start)"}:`,
    "  TOKEN=$(bun run token --role admin)",
    `  curl ${api}/product/${productId}`,
    `  ${authorized} "${api}/movements?productId=${productId}&type=SALE&limit=5"`,
    `  ${authorized} "${api}/reservations?orderId=${productId}-1"`,
    `  ${authorized} "${api}/movements/export?productId=${productId}"`,
    "",
  ].join("\n");
}
