import { VARIABLES, type Variable } from "#config";

const BEGIN = "<!-- configuration: test/support/configuration-table.ts writes what follows -->";
const END = "<!-- configuration ends -->";
const README = new URL("../../README.md", import.meta.url);

const HEAD = ["variable", "default", "meaning"] as const;

/** Every variable as rows of a table, in the form that the formatter gives to Markdown. */
export function configurationTable(): string {
  const rows = VARIABLES.map((variable: Variable) => [
    `\`${variable.name}\`${variable.secret ? " (secret)" : ""}`,
    defaultOf(variable),
    variable.meaning,
  ]);
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = " ") =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  return [line(HEAD), line(["", "", ""], "-"), ...rows.map((row) => line(row))].join("\n");
}

function defaultOf({ fallback, productionFallback }: Variable): string {
  const shown = fallback === undefined ? "" : `\`${fallback}\``;
  const production = productionFallback ? `(production: \`${productionFallback}\`)` : "";
  return `${shown} ${production}`.trim();
}

/** The text with the table of now between its two marks. */
export function withConfigurationTable(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error("README.md lost its marks");
  return `${before}${BEGIN}\n\n${configurationTable()}\n\n${END}${after}`;
}

if (import.meta.main) {
  await Bun.write(README, withConfigurationTable(await Bun.file(README).text()));
}
