/**
 * Arrays as PostgreSQL writes them. The driver would ask each new connection for its array types,
 * and where a connection ends during that question (postgres.js 3.4.9) a promise is rejected that
 * nobody holds, which ends the process. So the types that statements name are told here.
 */
import type postgres from "postgres";

/** An array type by its number in pg_type, which is the same in every PostgreSQL. */
function arrayOf(
  oid: number,
  element: (value: unknown) => string,
  read: (text: string) => unknown,
) {
  return {
    to: oid,
    from: [oid],
    serialize: (values: unknown): unknown =>
      Array.isArray(values)
        ? `{${values.map((value) => itemOf(value, element)).join(",")}}`
        : values,
    parse: (text: string): unknown[] => itemsOf(text, read),
  } satisfies postgres.PostgresType<unknown[]>;
}

function itemOf(value: unknown, element: (value: unknown) => string): string {
  if (value === null) return "NULL";
  if (value === undefined) throw new TypeError("an array has an item that is undefined");
  return `"${element(value).replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Items in quotes, with their escapes, or bare. Arrays of arrays are not among ours. */
const ITEM = /"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs;

const itemsOf = (text: string, read: (item: string) => unknown): unknown[] =>
  Array.from(text.matchAll(ITEM), ([, quoted, bare = ""]) => {
    if (quoted !== undefined) return read(quoted.replaceAll(/\\(.)/gs, "$1"));
    return bare === "NULL" ? null : read(bare);
  });

const asText = (text: string): string => text;

/** What a number looks like in a statement and in a row. */
export interface WholeNumbers {
  readonly write: (value: unknown) => string;
  readonly read: (text: string) => number;
}

/** Every array type that statements name; bigints are written and read as the caller does. */
export function arrayTypes({ write, read }: WholeNumbers) {
  return {
    bigints: arrayOf(1016, write, read),
    integers: arrayOf(1007, write, read),
    jsons: arrayOf(3807, String, asText),
    numerics: arrayOf(1231, String, asText),
    texts: arrayOf(1009, String, asText),
    uuids: arrayOf(2951, String, asText),
  };
}
