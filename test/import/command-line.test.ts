/** What `import` understands, and that docs/migration.md shows nothing else. */
import { describe, expect, test } from "bun:test";
import { NAMES, wordOf } from "#import/fields";
import { DEFAULT_ATTRIBUTES, DEFAULT_LOCATION } from "#inventory/model";
import { importOptions, ImportUsageError, IMPORT_HELP, SOURCES } from "#import/options";
import { textOf } from "#test/packaging";
import { runMain } from "#test/service";

/** Commands in blocks of shell and in the help: joined where a line ends with a backslash. */
function commandsIn(text: string): string[] {
  return Array.from(
    text.replaceAll("\\\n", " ").matchAll(/^ *bun run import (--from .*)$/gm),
    ([, args = ""]) => args.replace(/ +#.*$/, "").replace(/ 2?>.*$/, ""),
  );
}

const words = (command: string): string[] => command.split(/ +/).filter((word) => word !== "");

describe("docs/migration.md", () => {
  const commands = commandsIn(textOf("docs/migration.md"));

  test("shows commands that can be understood, for each source", () => {
    const from = commands.map((command) => importOptions(words(command)).from);
    expect(commands.length).toBeGreaterThan(5);
    expect([...new Set(from)].toSorted()).toEqual(SOURCES.toSorted());
  });
});

describe("the fields in docs/migration.md", () => {
  const rows = Array.from(
    textOf("docs/migration.md").matchAll(/^\| `(\w+)` +\| (`.*?`) +\| (.*?) +\|$/gm),
    ([, field = "", names = "", without = ""]) => ({ field, names, without }),
  );

  test("are those that are read, under each of their names", () => {
    const documented = rows.map(({ field, names }) => [
      field,
      Array.from(names.matchAll(/`(\w+)`/g), ([, name = ""]) => wordOf(name)),
    ]);
    expect(Object.fromEntries(documented)).toEqual(NAMES);
  });

  test("have the defaults of the service", () => {
    const defaults = new Map(Object.entries(DEFAULT_ATTRIBUTES));
    const shown = new Map([
      ["name", "none"],
      ["price", "none"],
      ["maxPerCustomer", "no limit"],
    ]);
    for (const [field, value] of defaults) {
      const without = rows.find((row) => row.field === field)?.without;
      expect([field, without]).toEqual([field, shown.get(field) ?? String(value)]);
    }
    expect(rows).toContainEqual(
      expect.objectContaining({ field: "location", without: `\`${DEFAULT_LOCATION}\`` }),
    );
  });
});

describe("the help", () => {
  test("shows commands that can be understood, and every option", async () => {
    const shown = commandsIn(IMPORT_HELP).filter((command) => !command.includes("SOURCE"));
    expect(shown).toHaveLength(5);
    for (const command of shown) expect(importOptions(words(command)).files).not.toEqual([]);
    for (const args of [
      ["import", "--help"],
      ["import", "--from", "csv", "-h"],
    ]) {
      expect(await runMain(args, {})).toEqual({ code: 0, output: IMPORT_HELP });
    }
  });
});

test.each([
  ["", "--from must be one of dynamodb, nest, json, csv\nimport needs at least one file"],
  ["--from csv", "import needs at least one file"],
  ["--from xml a.xml", "--from must be one of"],
  ["--from csv --url stock a.csv", "--url must be an http or https URL"],
  ["--from csv --table stock=x a.csv", "--table is for --from nest"],
  ["--from nest --through eureka a.sql", "--through is for --from json and csv"],
  ["--from json --through gateway a.json", "--through must be one of inventory, eureka, nestjs"],
  ["--from nest --table items=x a.sql", "--table must be stock=NAME or holds=NAME"],
  ["--from csv --dry-run --compare a.csv", "--compare and --dry-run exclude each other"],
])("refuses %j and explains itself", async (args, message) => {
  expect(() => importOptions(words(args))).toThrow(ImportUsageError);
  const { code, output } = await runMain(["import", ...words(args)], {});
  expect(code).toBe(2);
  expect(output).toStartWith(message);
  expect(output).toEndWith("\nFor help: bun run import --help\n");
  expect(output).not.toContain("Examples:");
});
