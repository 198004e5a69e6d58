/** Tables of the documents as data. */
import { textOf } from "#test/packaging";

/** The rows of the first table under a heading: the text of each cell. */
export function tableRows(text: string, heading: string): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.endsWith(`# ${heading}`));
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const rows: string[][] = [];
  for (const line of lines.slice(start + 1)) {
    if (line.startsWith("#") || (rows.length > 0 && !line.startsWith("|"))) break;
    if (line.startsWith("|")) rows.push(cellsOf(line));
  }
  // Behind the titles and the line below them.
  return rows.slice(2);
}

function cellsOf(line: string): string[] {
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

export interface Endpoint {
  readonly method: string;
  readonly path: string;
  /** Who may call, as README words it. */
  readonly who: string;
}

/** README's table of endpoints. */
export function endpoints(): Endpoint[] {
  return tableRows(textOf("README.md"), "Endpoints").map(([call = "", who = ""]) => {
    const [, method = "", path = ""] = /^`([A-Z]+) (\S+)`$/.exec(call) ?? [];
    return { method, path, who };
  });
}
