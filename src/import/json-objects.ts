/**
 * The objects of a JSON file one by one, however large the file: JSON lines, an array, or a list
 * inside an object (`{"Items":[…]}` of a DynamoDB scan, `{"count":2,"products":[…]}` of a reply).
 */
import { linesOf, ROW_CHARACTERS_MAX, textOf } from "#import/read-file";
import { refused, type Place, type Row } from "#import/rows";

export interface JsonObject {
  readonly kind: "object";
  readonly at: Place;
  readonly value: ReadonlyMap<string, unknown>;
}

/** Names of lists that hold the rows of a reply or a scan. */
const LISTS = new Set(["Items", "items", "products", "data", "inventory"]);

const TOO_LONG = `is longer than ${ROW_CHARACTERS_MAX} characters`;

export async function* jsonObjects(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<JsonObject | Row> {
  yield* (await hasLines(file)) ? ofLines(file, onBytes) : ofDocument(file, onBytes);
}

/** Whether its first line is one whole object, and not a document that is written in one line. */
async function hasLines(file: string): Promise<boolean> {
  for await (const { text, tooLong } of linesOf(file, () => {})) {
    if (tooLong) return false;
    if (text.trim() === "") continue;
    const value = parsed(text);
    return value instanceof Map && ![...value].some(([name, list]) => isList(name, list));
  }
  return false;
}

const isList = (name: string, value: unknown): boolean => LISTS.has(name) && Array.isArray(value);

async function* ofLines(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<JsonObject | Row> {
  for await (const { text, number, tooLong } of linesOf(file, onBytes)) {
    const at = { file, line: number };
    if (tooLong) yield refused(at, "", TOO_LONG);
    else if (text.trim() !== "") yield objectOf(at, text);
  }
}

async function* ofDocument(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<JsonObject | Row> {
  const scanner = createScanner(file);
  for await (const piece of textOf(file, onBytes)) {
    for (const character of piece) {
      const row = scanner.take(character);
      if (row !== null) yield row;
    }
  }
  const last = scanner.end();
  if (last !== null) yield last;
}

/** Takes a document character by character, and keeps no more of it than one row. */
function createScanner(file: string) {
  // Of the row that is being read: its text, first line, and depth of brackets.
  let [row, start, depth, tooLong, item] = ["", 1, 0, false, 0];
  // Of what stands round the rows: depth, the last text, and the name before a value.
  let [outer, text, name] = [0, "", ""];
  let [line, inList, found] = [1, false, false];
  let [inString, escaped] = [false, false];

  /** Whether a string goes on behind this character. */
  const inside = (character: string): void => {
    if (escaped) escaped = false;
    else if (character === "\\") escaped = true;
    else if (character === '"') inString = false;
  };
  const finish = (): JsonObject | Row => {
    item += 1;
    const at = { file, line: start, item };
    const finished = tooLong ? refused(at, "", TOO_LONG) : objectOf(at, row);
    [row, depth, tooLong] = ["", 0, false];
    return finished;
  };
  const takeOuter = (character: string): void => {
    if (inString) {
      if (text.length < NAME_CHARACTERS_MAX) text += character;
      inside(character);
    } else if (character === '"') [inString, text] = [true, ""];
    else if (character === ":") name = text.slice(0, -1);
    else if (character === "[" && (outer === 0 || (outer === 1 && LISTS.has(name)))) {
      [inList, found] = [true, true];
    } else if (/[{[]/.test(character)) outer += 1;
    else if (/[}\]]/.test(character)) outer -= 1;
  };
  const keep = (character: string): void => {
    if (row.length === ROW_CHARACTERS_MAX) [row, tooLong] = ["", true];
    else if (!tooLong) row += character;
  };
  const takeRow = (character: string): JsonObject | Row | null => {
    if (inString) {
      keep(character);
      inside(character);
      return null;
    }
    const isEmpty = row === "" && !tooLong;
    if (depth === 0 && /[\s,\]]/.test(character)) {
      if (character === "]") inList = false;
      return isEmpty ? null : finish();
    }
    if (isEmpty) start = line;
    keep(character);
    if (character === '"') inString = true;
    else if (/[{[]/.test(character)) depth += 1;
    else if (/[}\]]/.test(character)) depth -= 1;
    return depth === 0 && character === "}" ? finish() : null;
  };
  return {
    take(character: string): JsonObject | Row | null {
      if (character === "\n") line += 1;
      if (inList) return takeRow(character);
      takeOuter(character);
      return null;
    },
    end(): Row | null {
      if (inList) return refused({ file, line: start }, "", "the file ends in the middle");
      if (found) return null;
      return refused({ file, line: 1 }, "", "has no rows: neither lines nor a list");
    },
  };
}

/** A name of a list is shorter than this; what is longer is none. */
const NAME_CHARACTERS_MAX = 64;

function objectOf(at: Place, text: string): JsonObject | Row {
  const value = parsed(text);
  if (value instanceof Map) return { kind: "object", at, value };
  return refused(at, "", value instanceof SyntaxError ? `is not JSON: ${value.message}` : NO_ROW);
}

const NO_ROW = "is not an object";

/** A map for an object, so that no name of a field is taken for a method; the error of bad JSON. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? new Map(Object.entries(value)) : value;
  } catch (error) {
    return error;
  }
}
