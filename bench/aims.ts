/** An aim beside its figure, met or missed. */

export interface Aim {
  readonly words: string;
  readonly figure: number;
  /** One of them is the aim. */
  readonly least: number | null;
  readonly most: number | null;
  readonly isMet: boolean;
}

/** What was not measured (NaN) is missed. */
export function aimOf(
  words: string,
  figure: number,
  { least = null, most = null }: Partial<Pick<Aim, "least" | "most">>,
): Aim {
  const isMet = figure >= (least ?? -Infinity) && figure <= (most ?? Infinity);
  return { words, figure, least, most, isMet };
}

export function aimLines(aims: readonly Aim[]): string[] {
  return aims.map(({ words, figure, least, most, isMet }) => {
    const aim = least === null ? `at most ${boundText(most)}` : `at least ${boundText(least)}`;
    const verdict = `  ${isMet ? "met" : "MISSED"}`.padEnd(9);
    return `${verdict}${figureText(figure).padStart(7)} ${words} (aim: ${aim})`;
  });
}

/** As it was set; of a fraction that does not end, two places. */
const boundText = (bound: number | null): string =>
  bound === null ? "-" : String(Math.round(bound * 100) / 100);

/** Three digits that count; `-` where there is none. */
export function figureText(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Lines of a table: the first column to the left, the others to the right. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  "),
  );
}
