import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { z } from "zod";
import { VARIABLES, type Variable } from "#config/variables";
import type { Contract } from "#http/contract";
import { inventory } from "#http/inventory";
import * as bodies from "#http/wire/bodies";
import { CampaignBody } from "#http/wire/campaigns";
import { CountRunBody } from "#http/wire/count-runs";
import { ReconcileBody } from "#http/wire/reconcile";
import { JoinBody, LeaveBody } from "#http/wire/waitlist";
import { createMetrics } from "#lib/metrics";
import { withConfigurationTable } from "#test/configuration-table";
import { endpoints, tableRows } from "#test/documents";
import { rewritten } from "#test/evidence-document";
import { promisesOf, wordsOf } from "#test/evidence-words";
import { CONTRACTS, edgeWith } from "#test/http-app";
import { ROOT, textOf } from "#test/packaging";

const operations = textOf("docs/operations.md");
const source = [...new Glob("src/**/*.{ts,sh}").scanSync(ROOT)]
  .map((path) => textOf(path))
  .join("\n");

describe("README", () => {
  const readme = textOf("README.md");

  test("has the configuration that there is: `bun test/support/configuration-table.ts`", () => {
    expect(readme).toBe(withConfigurationTable(readme));
  });

  test("has every call of contract A, and no other", () => {
    const shown = endpoints().map(({ method, path }) => `${method} ${path}`);
    expect(shown.toSorted()).toEqual(callsOf(inventory));
  });

  test("names for each promise tests that exist", () => {
    const rows = tableRows(readme, "Promises");
    const promises = rows.map(([promise = ""]) => /\*\*(P\d)/.exec(promise)?.[1]);
    expect(promises).toEqual(["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"]);
    const missing = rows.flatMap(([, held = ""]) => {
      const files = held.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g);
      const named = [...files].flatMap(([, path = "", names = ""]) => {
        const text = textOf(path);
        return Array.from(names.matchAll(/"([^"]+)"/g), ([, name = ""]) => ({ path, name, text }));
      });
      expect([...held.matchAll(/"[^"]+"/g)]).toHaveLength(named.length);
      expect(named.length).toBeGreaterThan(0);
      return named.filter(
        ({ name, text }) => !new RegExp(`(?:\\btest|\\))\\(\\s*"${escaped(name)}"`).test(text),
      );
    });
    expect(missing.map(({ path, name }) => `${path}: ${name}`)).toEqual([]);
  });
});

test("documents name files that exist", () => {
  const pages = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md", "deploy/README.md"];
  for (const page of new Glob("docs/**/*.md").scanSync(ROOT)) pages.push(page);
  const missing = pages.flatMap((page) =>
    Array.from(textOf(page).matchAll(/`((?:src|lua|test|bench|docs)\/[\w./-]+\.\w+)`/g))
      .map(([, path = ""]) => path)
      .filter((path) => !existsSync(join(ROOT, path)))
      .map((path) => `${page}: ${path}`),
  );
  expect(missing).toEqual([]);
});

test("docs/contracts.md has every call of every contract below its heading, and no other", () => {
  const [, ...sections] = textOf("docs/contracts.md").split(/^## (?=[A-Z]\. )/m);
  const shown = sections.map((section) => {
    const [heading = "", ...lines] = section.split("\n");
    const [, name = heading] = /`(\w+)`/.exec(heading) ?? [];
    return [name, lines.flatMap(callsInRow).toSorted()] as const;
  });
  // Contract A's stand in README.
  for (const contract of CONTRACTS) {
    const calls = contract === inventory ? [] : callsOf(contract);
    const found = shown.filter(([name]) => name === contract.name);
    expect(found).toEqual([[contract.name, calls]]);
  }
});

const callsOf = ({ routes }: Contract): string[] =>
  routes(edgeWith(true))
    .map(({ method, path }) => `${method} ${path}`)
    .toSorted();

/** The calls that stand in the first cell of a table's row. */
function callsInRow(line: string): string[] {
  const [, cell = ""] = /^\|([^|]*)\|/.exec(line) ?? [];
  return Array.from(cell.matchAll(/`([A-Z]+ \/\S*)`/g), ([, call = ""]) => call);
}

/** Limits that no row names, and why. */
const WITHOUT_ROW: ReadonlyMap<string, string> = new Map([
  ["lua/lib/holds.lua HOLD_SECONDS_MAX", "HOLD_MINUTES_MAX in seconds"],
  ["src/compat/gateway/wire.ts PAGE_MAX", "any number of 15 digits"],
  ["src/http/wire/fields.ts CALENDAR_MS_MAX", "the end of the year 9998"],
  ["lua/stock/line.lua PLACES_MAX", "more than PLACES_MAX in src/http/wire/waitlist.ts"],
  ["src/inventory/waitlist-ports.ts OFFER_PRODUCTS_MAX", "PRODUCTS_MAX in lua/stock/offer.lua"],
  ["src/redis/partition-queues.ts STEP_MS_MAX", "twice COMMAND_TIMEOUT_MS"],
]);

describe("docs/operations.md", () => {
  const sections = [
    "What a request may ask",
    "What the services around it take",
    "Time",
    "Work at once",
  ];
  const limits = sections.flatMap((section) => tableRows(operations, section));

  test("names limits that stand in the code, with their value", () => {
    expect(limits.length).toBeGreaterThan(40);
    const wrong = limits.flatMap(([name = "", value = "", where = ""]) => {
      if (isOfGoneContract(unquoted(where))) return [];
      const shown = Number(value.replaceAll(" ", ""));
      const real = limitOf(unquoted(name), unquoted(where));
      return real === shown ? [] : [`${where}: ${name} is ${real}, not ${value}`];
    });
    expect(wrong).toEqual([]);
  });

  test("names every limit of what serves callers, be it of requests or of work in Redis", () => {
    const folders = [
      "src/{http,compat,inventory,redis}/**/*.ts",
      "src/companions/*/{app,wire}.ts",
      "src/companions/{registry,users}/*.ts",
      "lua/**/*.lua",
    ];
    const paths = folders.flatMap((pattern) => [...new Glob(pattern).scanSync(ROOT)]);
    const real = paths.flatMap((path) => {
      const names = textOf(path).matchAll(/^(?:export )?(?:const|local) (\w+_MAX) = /gm);
      return Array.from(names, ([, name = ""]) => ({ name, path }));
    });
    expect(real.length).toBeGreaterThan(40);
    const rows = new Set(
      limits.map(([name = "", , where = ""]) => `${unquoted(where)} ${unquoted(name)}`),
    );
    // The same number by the same name in the other language is one limit.
    const values = new Set(
      limits.map(([name = "", value = "", where = ""]) =>
        twinText(unquoted(name), Number(value.replaceAll(" ", "")), unquoted(where)),
      ),
    );
    const lacking = real.filter(({ name, path }) => {
      const other = path.startsWith("lua/") ? "src/" : "lua/";
      const isTwin = values.has(twinText(name, limitOf(name, path), other));
      return !isTwin && !rows.has(`${path} ${name}`);
    });
    const unnamed = lacking.map(({ name, path }) => `${path} ${name}`);
    const explained = [...WITHOUT_ROW.keys()].filter((name) => !isOfGoneContract(name));
    expect(unnamed.toSorted()).toEqual(explained.toSorted());
  });

  test("names every secret", () => {
    const secrets = VARIABLES.filter(({ secret }: Variable) => secret).map(({ name }) => name);
    const [line = ""] = /^- These are secrets: .*/m.exec(operations) ?? [];
    const named = Array.from(line.matchAll(/`([A-Z_]+)`/g), ([, name = ""]) => name);
    expect(named.toSorted()).toEqual(secrets.toSorted());
  });

  test("has every metric of ours, and no other", async () => {
    const { body } = await createMetrics().render();
    const real = Array.from(body.matchAll(/^# TYPE (\S+)/gm), ([, name = ""]) => name);
    expect(real.length).toBeGreaterThan(10);
    const shown = tableRows(operations, "Metrics").map(([name = ""]) => unquoted(name));
    expect(shown.toSorted()).toEqual(real.toSorted());
  });

  test("explains lines of the log that the code writes", () => {
    const rows = tableRows(operations, "Lines in the log that ask for somebody");
    const messages = rows.flatMap(([cell = ""]) =>
      Array.from(cell.matchAll(/`([^`]+)`/g), ([, message = ""]) => message),
    );
    expect(messages.length).toBeGreaterThan(15);
    // Some are put together: the reason of a fence with its end, the name of a server.
    const parts = messages.flatMap((message) =>
      message.replace(/^waiting for \w+$/, "waiting for ").split(/(?<=; )(?=the partition is)/),
    );
    const unknown = parts.filter((part) => !source.includes(part.replace(/; $/, "")));
    expect(unknown).toEqual([]);
  });
});

test("README names the fields of every body, those that may be left out in brackets", () => {
  const rows = tableRows(textOf("README.md"), "Bodies");
  const shown = rows.map(([name = "", fields = ""]) => {
    const [own = ""] = fields.replaceAll(/\([^)]*\)/g, "").split(";");
    const names = (text: string) =>
      Array.from(text.matchAll(/`(\w+)`/g), ([, field = ""]) => field).toSorted();
    const [needed = "", optional = ""] = own.split("[");
    return [unquoted(name), names(needed), names(optional)];
  });
  const real = Object.entries(BODIES).map(([name, body]) => {
    const { properties = {}, required = [] } = z.toJSONSchema(body, { io: "input" });
    const optional = Object.keys(properties).filter((field) => !required.includes(field));
    return [name, required.toSorted(), optional.toSorted()];
  });
  expect(shown).toEqual([...real, ["bulk/…", ["items"], []]]);
});

test("docs/evidence.md names guarantees that tests still prove", () => {
  const rows = tableRows(textOf("docs/evidence.md"), "What was seen");
  expect(rows.length).toBeGreaterThan(0);
  const tests = [...new Glob("test/**/*.test.ts").scanSync(ROOT)].map((path) => textOf(path));
  // One that is put together is known by its beginning.
  const beginnings = tests.flatMap((text) =>
    Array.from(text.matchAll(/\bevidence\(`([^`$]{12,})\$\{/g), ([, beginning = ""]) => beginning),
  );
  const unknown = rows.filter(
    ([guarantee = ""]) =>
      !tests.some((text) => text.includes(`"${guarantee}"`)) &&
      !beginnings.some((beginning) => guarantee.startsWith(beginning)),
  );
  expect(unknown).toEqual([]);
});

describe("docs/evidence.md", () => {
  const document = textOf("docs/evidence.md");
  const rows = tableRows(document, "What was seen");

  test("has the form that a run gives it: `bun test/support/evidence-document.ts`", () => {
    expect(document).toBe(rewritten(document));
  });

  test("says what each figure counts: test/support/evidence-words.ts", () => {
    expect(wordsOf(rows.map(([, , figures = ""]) => figures)).strange).toEqual([]);
  });

  test("names for each guarantee promises that README makes", () => {
    const made = new Set(
      tableRows(textOf("README.md"), "Promises").map(([promise = ""]) => promise.slice(2, 4)),
    );
    // A seeded bug's row speaks of tests.
    made.add("tests");
    const named = rows.map(([guarantee = ""]) => promisesOf(guarantee));
    expect(rows.filter((_, i) => named[i]?.length === 0)).toEqual([]);
    expect(named.flat().filter((promise) => !made.has(promise))).toEqual([]);
  });
});

/** As the table calls them. */
const BODIES: Readonly<Record<string, z.ZodType>> = {
  initialize: bodies.InitializeBody,
  "PATCH …/product/:productId": bodies.AmendBody,
  "PATCH …/stock": bodies.AdjustBody,
  transfer: bodies.TransferBody,
  reserve: bodies.ReserveBody,
  reservations: bodies.ReserveCartBody,
  confirm: bodies.ConfirmBody,
  cancel: bodies.EndBody,
  extend: bodies.ExtendBody,
  owner: bodies.OwnerBody,
  sell: bodies.SellBody,
  return: bodies.ReturnBody,
  waitlist: JoinBody,
  "waitlist/leave": LeaveBody,
  counts: bodies.CountsBody,
  "counts/runs": CountRunBody,
  reconcile: ReconcileBody,
  pseudonymize: bodies.EmptyBody,
  "POST …/incoming": bodies.IncomingBody,
  "PATCH …/incoming/:incomingId": bodies.AmendIncomingBody,
  receive: bodies.ReceiveBody,
  "POST …/campaigns": CampaignBody,
  "PUT …/campaigns/:campaignId": CampaignBody,
  "check-availability": bodies.CheckBody,
  "POST …/locations": bodies.RegisterLocationBody,
  "PATCH …/locations/:location": bodies.AmendLocationBody,
  "PUT …/limits/:limitId": bodies.LimitBody,
};

describe("a decision", () => {
  const paths = [...new Glob("docs/decisions/*.md").scanSync(ROOT)].toSorted();

  test("has its number, and says context, options, decision, consequences and what holds it", () => {
    expect(paths.length).toBeGreaterThan(1);
    for (const [index, path] of paths.entries()) {
      const number = index + 1;
      expect(path).toContain(`/${String(number).padStart(4, "0")}-`);
      const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
      expect(lines[0]).toStartWith(`# ${number}. `);
      const headings = lines.filter((line) => line.startsWith("## ")).map((line) => line.slice(3));
      expect([path, headings]).toEqual([
        path,
        ["Context", "Options", "Decision", "Consequences", "Held by"],
      ]);
    }
  });

  test("is held by a test that exists", () => {
    for (const path of paths) {
      const [, held = ""] = textOf(path).split("## Held by");
      const tests = Array.from(held.matchAll(/`(test\/[^`]+)`/g), ([, file = ""]) => file);
      expect([path, tests.length > 0]).toEqual([path, true]);
      for (const file of tests) expect(textOf(file)).not.toBe("");
    }
  });
});

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

const unquoted = (cell: string): string => cell.replaceAll("`", "");

/** Of a limit, as one of its language: `lua NAME 5`. */
const twinText = (name: string, value: number | undefined, where: string): string =>
  `${where.split("/")[0]} ${name} ${value}`;

/** A contract that was deleted is still in documents, and asks for nothing there. */
function isOfGoneContract(path: string): boolean {
  const [, name] = /^src\/compat\/(\w+)\//.exec(path) ?? [];
  return name !== undefined && !existsSync(join(ROOT, "src/compat", name));
}

/** The value of a named bound: `NAME = 64 * KIBIBYTE;`, `name: 1_000,`, `local NAME = 5`. */
function limitOf(name: string, path: string): number | undefined {
  const pattern = new RegExp(`^\\s*(?:(?:export )?const |local )?${name}(?: =|:) ([^;,\\n]+)`, "m");
  const [, text] = pattern.exec(textOf(path)) ?? [];
  const factors = text
    ?.replace(/\s*--.*$/, "")
    .replaceAll("KIBIBYTE", "1024")
    .split("*");
  return factors?.reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
}
