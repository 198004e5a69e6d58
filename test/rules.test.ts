import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

/** The rules of this code base that no linter knows. Each names the file and says what to do. */
const ROOT = join(import.meta.dir, "..");

/** Lines. Beyond the first number a file is worth splitting; beyond the second it must be. */
const TYPESCRIPT_LINES_MAX = 350;
const LUA_LINES_MAX = 160;
const LINE_CHARACTERS_MAX = 100;

const HEADER_WORDS = ["Purpose", "KEYS", "ARGV", "Returns", "Cost", "Retry"];

type File = Readonly<{ path: string; text: string; lines: readonly string[] }>;

function read(pattern: string): File[] {
  const paths = [...new Glob(pattern).scanSync({ cwd: ROOT, dot: true })].toSorted();
  return paths.map((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    return { path, text, lines: text.split("\n") };
  });
}

const source = read("src/**/*.ts");
const tests = read("test/**/*.ts");
const bench = read("bench/**/*.ts");
const deploy = read("deploy/**/*.ts");
const lua = read("lua/**/*.lua");
const scripts = lua.filter(({ path }) => !path.startsWith("lua/lib/"));
const documents = read("{README,ARCHITECTURE,CHANGELOG}.md").concat(read("{docs,deploy}/**/*.md"));
const sql = read("src/postgres/**/*.sql");
const code = [...source, ...tests, ...bench, ...deploy, ...lua];
const everything = [...code, ...documents, ...sql];

/** `path:line: text` of each line that matches. This file names what it forbids, so not itself. */
function linesWith(files: readonly File[], forbidden: RegExp): string[] {
  return files
    .filter(({ path }) => path !== "test/rules.test.ts")
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        forbidden.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
    );
}

test("the rules below have read files of every kind", () => {
  for (const files of [source, tests, bench, deploy, lua, scripts, documents]) {
    expect(files.length).toBeGreaterThan(0);
  }
});

describe("a file stays small enough to be read at once:", () => {
  const longerThan = (files: readonly File[], linesMax: number) =>
    files
      .filter(({ lines }) => lines.length - 1 > linesMax)
      .map(({ path, lines }) => `${path}: ${lines.length - 1} lines`);

  test("TypeScript", () => {
    expect(longerThan([...source, ...tests, ...bench, ...deploy], TYPESCRIPT_LINES_MAX)).toEqual(
      [],
    );
  });

  test("Lua", () => {
    expect(longerThan(lua, LUA_LINES_MAX)).toEqual([]);
  });

  test("and no line of code or comment is longer than 100 characters", () => {
    const long = linesWith(code, new RegExp(`^.{${LINE_CHARACTERS_MAX + 1},}$`, "u"));
    // A line that the formatter cannot break: a text, a pattern, a path, a title.
    expect(long.filter((line) => !/["'`/]/.test(line))).toEqual([]);
  });
});

describe("a test", () => {
  test("is never skipped, singled out or left for later", () => {
    expect(linesWith(tests, /\b(?:test|it|describe)\.(?:skip|only|todo)\b/)).toEqual([]);
  });

  test("waits for conditions, never for time", () => {
    const outsideHelpers = tests.filter(({ path }) => !path.startsWith("test/support/"));
    const sleeping = /\bBun\.sleep(?:Sync)?\(|\bsetTimeout\((?:\w*resolve|done)\b|timers\/promises/;
    expect(linesWith(outsideHelpers, sleeping)).toEqual([]);
  });
});

test("a benchmark sleeps only for a time that has a name and a reason", () => {
  const sleeping = /\bBun\.sleep(?:Sync)?\((?![A-Z_]+\))|\bsetTimeout\(|timers\/promises/;
  expect(linesWith(bench, sleeping)).toEqual([]);
});

describe("source", () => {
  test("reads the environment in src/config.ts only", () => {
    const others = [...source, ...bench].filter(({ path }) => path !== "src/config.ts");
    expect(linesWith(others, /\b(?:process|Bun|import\.meta)\.env\b/)).toEqual([]);
  });

  test("does not ask whether it is under test", () => {
    const others = source.filter(({ path }) => !path.startsWith("src/config"));
    expect(linesWith(others, /NODE_ENV|BUN_TEST|=== "test"/)).toEqual([]);
  });

  test("holds no Lua in strings", () => {
    expect(linesWith(source, /["'`].*\bredis\.p?call\(/)).toEqual([]);
  });

  test("switches a lint rule off only with a reason", () => {
    const bare = /(?:oxlint|eslint)-disable(?!.* -- \S)|@ts-(?:ignore|nocheck|expect-error)/;
    expect(linesWith([...source, ...tests, ...bench, ...deploy], bare)).toEqual([]);
  });
});

describe("a contract's folder", () => {
  const folders = readdirSync(join(ROOT, "src/compat"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

  test("has a router, a wire, a map and faults, and nothing else", () => {
    expect(folders.length).toBeGreaterThan(0);
    for (const name of folders) {
      const files = readdirSync(join(ROOT, "src/compat", name)).toSorted();
      expect([name, ...files]).toEqual([name, "faults.ts", "map.ts", "router.ts", "wire.ts"]);
    }
  });

  test("is named by the list, its own files and its own tests, so that it can go", () => {
    const named = folders.flatMap((name) => {
      const own = [`src/compat/${name}/`, `test/compat/${name}.`, `test/compat/${name}-`];
      const others = [...source, ...tests, ...bench].filter(
        ({ path }) => !own.some((start) => path.startsWith(start)),
      );
      return linesWith(others, new RegExp(`(?:#compat|\\.)/${name}[/"]`));
    });
    const lists = named.filter((line) => line.startsWith("src/compat/index.ts:"));
    expect(lists).toHaveLength(folders.length);
    expect(named).toEqual(lists);
  });
});

test("nothing is left as a note to ourselves", () => {
  expect(linesWith(everything, /\b(?:TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
});

describe("a Lua script", () => {
  test("begins with #!lua, so that Redis refuses it cleanly when out of memory", () => {
    const without = scripts.filter(({ lines }) => !/^#!lua\b/.test(lines[0] ?? ""));
    expect(without.map(({ path }) => path)).toEqual([]);
  });

  test("says in its header what it takes, answers and costs, and whether to retry", () => {
    const missing = scripts.flatMap(({ path, lines }) => {
      const end = lines.findIndex((line) => !/^(?:#!|--)/.test(line));
      const header = lines.slice(0, end);
      const says = (word: string) => header.some((line) => line.startsWith(`-- ${word}`));
      return HEADER_WORDS.filter((word) => !says(word)).map((word) => `${path}: ${word}`);
    });
    expect(missing).toEqual([]);
  });
});

test("a document cites only paths that exist", () => {
  const cited = documents.flatMap(({ path, text }) =>
    citedPaths(text).map((target) => ({ path, target })),
  );
  expect(cited.length).toBeGreaterThan(0);
  const broken = cited.filter(({ path, target }) => {
    const fromRoot = join(ROOT, target);
    const fromDocument = join(ROOT, path, "..", target);
    return !existsSync(fromRoot) && !existsSync(fromDocument) && !isOfGoneContract(target);
  });
  expect(broken.map(({ path, target }) => `${path}: ${target}`)).toEqual([]);
});

test("a comment cites only files that exist", () => {
  const cited = code.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      filesInComment(line).map((target) => ({ where: `${path}:${index + 1}`, target })),
    ),
  );
  expect(cited.length).toBeGreaterThan(0);
  const homes = ["", "src", "lua", "test"];
  const broken = cited.filter(({ where, target }) =>
    [...homes, join(where, "..")].every((home) => !existsSync(join(ROOT, home, target))),
  );
  expect(broken.map(({ where, target }) => `${where}: ${target}`)).toEqual([]);
});

/** `lib/stock.lua` and its like, in a line of a comment or behind code. */
function filesInComment(line: string): string[] {
  const [, comment = ""] = /(?:^\s*\/?\*|(?:^|\s)\/\/ |(?:^|\s)-- )(.*)$/.exec(line) ?? [];
  return comment.match(/(?<![\w/.@-])[\w-]+(?:\/[\w-]+)+\.(?:ts|lua|sql|md)\b/g) ?? [];
}

/** A contract that was deleted is still in documents. */
function isOfGoneContract(target: string): boolean {
  const [, name] = /^src\/compat\/(\w+)\//.exec(target) ?? [];
  return name !== undefined && !existsSync(join(ROOT, "src/compat", name));
}

/** Targets of links, and code spans that look like a path of ours; patterns by their folder. */
function citedPaths(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
  const ours = /`((?:src|lua|test|bench|docs|deploy|\.ci)\/[\w./*-]*)`/g;
  const spans = [...text.matchAll(ours)].map(([, target = ""]) => target.replace(/\*.*$/, ""));
  return [...links, ...spans].filter((target) => !/^[a-z]+:/.test(target));
}
