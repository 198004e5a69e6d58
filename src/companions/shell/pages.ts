/** Lists in pages, in the order of their numbers, which count up; and the numbers that stand in paths. */
import type { ShellContext } from "#companions/shell/app";
import { whole } from "#companions/shell/parsed";

/** What a query may say of its page: rows behind a number, at most so many. */
export const pageOf = (limitMax: number, limitDefault = limitMax) => ({
  after: whole(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: whole(1, limitMax).default(limitDefault),
});

/** Says where the next rows are, where there may be some: behind the number of the last. */
export function linkNext<Row>(
  c: ShellContext,
  rows: readonly Row[],
  limit: number,
  numberOf: (row: Row) => number,
): void {
  const last = rows.at(-1);
  if (last === undefined || rows.length < limit) return;
  const next = new URLSearchParams({ ...c.req.query(), after: String(numberOf(last)) });
  // As it was sent: read, it may have characters that no header has.
  const { pathname } = new URL(c.req.url);
  c.header("link", `<${pathname}?${next.toString()}>; rel="next"`);
}

/** The id in the path; null: it is none that anything has. */
export function idIn(c: ShellContext): number | null {
  const given = c.req.param("id") ?? "";
  return /^[1-9]\d{0,14}$/.test(given) ? Number(given) : null;
}
