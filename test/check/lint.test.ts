import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ROOT, TOOLS } from "./tools.ts";

/** A copy of the linter's set-up, to which each test below adds a file. */
const folder = mkdtempSync(join(tmpdir(), "holdfast-lint-"));
for (const file of [".oxlintrc.json", "tsconfig.json", "package.json"]) {
  copyFileSync(join(ROOT, file), join(folder, file));
}
symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
afterAll(() => rmSync(folder, { recursive: true }));

const Report = z.object({
  diagnostics: z.array(
    z.object({ code: z.string(), help: z.string().optional(), filename: z.string() }),
  ),
});

/** Path of each file that was written here → what the linter says of it, as `rule: help`. */
let complaints: Map<string, string[]>;
const written = new Map<string, string>();

/** Writes a file of its own into a folder of the source, for the one run of the linter. */
function probe(folderOfSource: string, text: string): string {
  const path = `${folderOfSource}/probe-${written.size}.ts`;
  written.set(path, `${text}\n`);
  return path;
}

beforeAll(async () => {
  for (const [path, text] of written) await Bun.write(join(folder, path), text);
  const [program = "", script = "", ...flags] = TOOLS.oxlint;
  const command = [program, join(ROOT, script), ...flags, "--format=json", "src"];
  const child = Bun.spawn(command, { cwd: folder, stdout: "pipe", stderr: "inherit" });
  const { diagnostics } = Report.parse(JSON.parse(await child.stdout.text()));
  complaints = new Map([...written.keys()].map((path) => [path, []]));
  for (const { filename, code, help = "" } of diagnostics) {
    complaints.get(filename)?.push(`${code}: ${help}`);
  }
});

const importing = (name: string) => `import * as other from "${name}";\nexport const it = other;`;

describe("an import against the direction is refused with an explanation:", () => {
  const forbidden: [importer: string, imported: string, explanation: string][] = [
    ["src/lib", "#inventory/model", "lib knows nothing of the service"],
    ["src/inventory", "#redis/keys", "The core imports lib only"],
    ["src/inventory", "#http/app", "The core imports lib only"],
    ["src/inventory", "#config", "The core imports lib only"],
    ["src/inventory", "hono", "The core knows no transport and no driver"],
    ["src/inventory", "ioredis", "The core knows no transport and no driver"],
    ["src/inventory", "bullmq", "The core knows no transport and no driver"],
    ["src/inventory", "postgres", "The core knows no transport and no driver"],
    ["src/http/routes", "#redis/stock-store", "HTTP words what the core answers"],
    ["src/http/routes", "#postgres/ledger", "HTTP words what the core answers"],
    ["src/http/routes", "ioredis", "HTTP knows no driver"],
    ["src/http/routes", "#compose/start", "main and compose know everybody"],
    ["src/compat/another", "#redis/stock-store", "HTTP words what the core answers"],
    ["src/redis", "#postgres/ledger", "redis implements the core's ports"],
    ["src/postgres", "#redis/keys", "postgres implements the core's ports"],
    ["src/workers", "#redis/journal", "Workers call verbs and ports of the core"],
    ["src/companions/orders", "#inventory/model", "A companion is a separate service"],
    ["src/registry", "#inventory/model", "registry and products speak to other services"],
    ["src/products", "hono", "registry and products speak HTTP"],
    ["src/redis", "#registry/registration", "redis implements the core's ports"],
    ["src/embedded", "#redis/client", "embedded starts servers"],
    ["src/import", "#redis/client", "The import is a caller like any other"],
    ["src/import", "#inventory/reserve", "The import is a caller like any other"],
    ["src/import", "#http/app", "The import knows of http what a body may be"],
    ["src/import", "ioredis", "The import is a caller like any other"],
    ["src/rush", "#inventory/reserve", "A rush is a shop like any other"],
    ["src/rush", "#http/wire/bodies", "A rush is a shop like any other"],
    ["src/rush", "ioredis", "A rush is a shop like any other"],
    ["src/inventory", "../redis/keys", "Import by subpath"],
  ];

  for (const [importer, imported, explanation] of forbidden) {
    const path = probe(importer, importing(imported));
    test(`${imported} from ${importer}`, () => {
      expect(complaints.get(path)).toContainEqual(
        expect.stringMatching(new RegExp(`no-restricted-imports.*: ${explanation}`)),
      );
    });
  }
});

describe("a caller of the service is imported by nobody inside:", () => {
  const rooms = readdirSync(join(ROOT, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  // compose runs the commands, and is told apart from those below it; a rush is a shop, and so are companions.
  const callers = [
    { caller: "import", imported: "#import/run", by: ["compose"] },
    { caller: "client", imported: "#client/client", by: ["compose", "companions", "rush"] },
    { caller: "rush", imported: "#rush/run", by: ["compose"] },
  ];
  for (const { caller, imported, by } of callers) {
    for (const room of rooms.filter((name) => ![caller, ...by].includes(name))) {
      const path = probe(`src/${room}`, importing(imported));
      test(`${imported} from src/${room}`, () => {
        expect(complaints.get(path)).toContainEqual(
          expect.stringContaining("no-restricted-imports"),
        );
      });
    }
  }

  test("there are rooms", () => {
    expect(rooms).toEqual(expect.arrayContaining(["http", "inventory", "redis"]));
  });
});

describe("an import along the direction is welcome:", () => {
  const allowed: [importer: string, imported: string][] = [
    ["src/inventory", "#lib/clock"],
    ["src/redis", "ioredis"],
    ["src/postgres", "postgres"],
    ["src/workers", "bullmq"],
    ["src/http/routes", "hono"],
    ["src/import", "#http/wire/bodies"],
    ["src/http/routes", "#inventory/reserve"],
    ["src/compose", "#import/run"],
    ["src/compose", "#rush/run"],
    ["src/rush", "#client/client"],
    ["src/companions/orders", "#client/client"],
  ];
  for (const [importer, imported] of allowed) {
    const path = probe(importer, importing(imported));
    test(`${imported} from ${importer}`, () => {
      expect(complaints.get(path)).toEqual([]);
    });
  }
});

describe("the linter refuses", () => {
  const refused: [what: string, rule: string, text: string][] = [
    [
      "a promise that nobody awaits",
      "no-floating-promises",
      "export function f() { Promise.resolve(1).then(String); }",
    ],
    [
      "a switch that forgets a case",
      "switch-exhaustiveness-check",
      'export function f(x: "a" | "b") { switch (x) { case "a": return 1; } return 2; }',
    ],
    ["any", "no-explicit-any", "export const f = (x: any) => String(x);"],
    ["a non-null assertion", "no-non-null-assertion", "export const f = (x?: string) => x!;"],
    ["a cast", "consistent-type-assertions", "export const f = (x: unknown) => x as string;"],
    ["the environment", "no-process-env", "export const f = () => process.env;"],
    ["the console", "no-console", "console.log(1);\nexport {};"],
  ];

  for (const [what, rule, text] of refused) {
    const path = probe("src/inventory", text);
    test(what, () => {
      expect(complaints.get(path)).toContainEqual(expect.stringContaining(`(${rule})`));
    });
  }

  written.set("src/lib/one.ts", importing("#lib/two"));
  written.set("src/lib/two.ts", importing("#lib/one"));
  test("a circle of imports", () => {
    expect(complaints.get("src/lib/two.ts")).toContainEqual(expect.stringContaining("(no-cycle)"));
  });
});
