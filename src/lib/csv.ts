/** Records of CSV (RFC 4180): quoted fields, CRLF, `,` or `;` or tab between fields. */

/** A record, or what cannot be one; `line` is its first, counted from 1. */
export type CsvRecord =
  | { readonly kind: "record"; readonly line: number; readonly cells: readonly string[] }
  | { readonly kind: "broken"; readonly line: number; readonly reason: string };

/** Inside a field: bare, quoted, behind a quote that ends it or is the first of two, or broken. */
type State = "start" | "bare" | "quoted" | "quote" | "broken";

export interface CsvReader {
  /** null: no record ends with it. */
  take(character: string): CsvRecord | null;
  /** What stands behind the last end of a line. */
  end(): CsvRecord | null;
}

/**
 * Reads character by character. One that is malformed, or longer than `charactersMax`, is broken,
 * and the next line is read as another; blank lines are none.
 */
export function createCsvReader(charactersMax: number): CsvReader {
  const tooLong = `is longer than ${charactersMax} characters`;
  let cells: string[] = [];
  let [cell, state, problem, delimiter]: [string, State, string, string] = ["", "start", "", ""];
  let [next, start, size] = [1, 1, 0];
  const nextCell = (): void => {
    cells.push(cell);
    [cell, state] = ["", "start"];
  };
  const breakUp = (reason: string): void => {
    [state, problem, cells, cell] = ["broken", reason, [], ""];
  };
  const isDelimiter = (character: string): boolean => {
    // The first one that stands outside quotes is the file's.
    if (delimiter === "" && /[,;\t]/.test(character)) delimiter = character;
    return character === delimiter;
  };
  /** What was read so far, as a record; null of a blank line. */
  const finish = (): CsvRecord | null => {
    if (state === "quoted") breakUp("the file ends inside a quoted field");
    const line = start;
    // The end of a line may be CRLF; behind a closing quote it was left out already.
    if (state !== "quote" && cell.endsWith("\r")) cell = cell.slice(0, -1);
    const isBlank = cells.length === 0 && cell === "" && state !== "broken" && state !== "quote";
    const found: CsvRecord =
      state === "broken"
        ? { kind: "broken", line, reason: problem }
        : { kind: "record", line, cells: [...cells, cell] };
    [cells, cell, start, size, state] = [[], "", next, 0, "start"];
    return isBlank ? null : found;
  };
  return {
    take(character: string): CsvRecord | null {
      if (character === "\n") next += 1;
      size += 1;
      if (size > charactersMax && state !== "broken") breakUp(tooLong);
      if (character === "\n" && state !== "quoted") return finish();
      switch (state) {
        case "broken":
          break;
        case "quoted":
          if (character === '"') state = "quote";
          else cell += character;
          break;
        case "quote":
          if (character === '"') [cell, state] = [`${cell}"`, "quoted"];
          else if (isDelimiter(character)) nextCell();
          else if (character !== "\r") breakUp(`has ${character} behind a closing quote`);
          break;
        case "start":
        case "bare":
          if (isDelimiter(character)) nextCell();
          else if (character !== '"') [cell, state] = [cell + character, "bare"];
          else if (state === "start") state = "quoted";
          else breakUp("has a quote inside a field that is not quoted");
          break;
      }
      return null;
    },
    end: finish,
  };
}
