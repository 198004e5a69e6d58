/** Cursors of lists over HTTP: each knows its list and the filters that it was answered with. */
import { hash } from "node:crypto";
import { invalid } from "#http/problem";

const MARK_HEX_DIGITS = 8;

export interface Cursors {
  /** What the ledger called it; throws `validation_failed` for one of another list or filter. */
  readonly inner: string | null;
  /** What the caller is given of the ledger's cursor. */
  readonly outer: (cursor: string | null) => string | null;
}

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

/** `filters` without the cursor and the limit, as they were validated. */
export function cursorsOf(list: string, filters: object, cursor: string | undefined): Cursors {
  const given = Object.entries(filters)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]): [string, unknown] => [
      name,
      Array.isArray(value) ? value.map(String).toSorted(byText) : value,
    ])
    .toSorted(([one], [other]) => byText(one, other));
  const mark = `${hash("sha256", JSON.stringify([list, given])).slice(0, MARK_HEX_DIGITS)}.`;
  if (cursor !== undefined && !cursor.startsWith(mark)) {
    throw invalid("cursor", "must be one that this list answered with these very filters");
  }
  return {
    inner: cursor === undefined ? null : cursor.slice(mark.length),
    outer: (next) => (next === null ? null : `${mark}${next}`),
  };
}
