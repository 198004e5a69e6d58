import { expect, test } from "bun:test";
import { contractProblems, contractsOf } from "#compose/contracts";
import { ConfigError, readConfigFor } from "#config";
import { serveContracts } from "#test/contract";
import { ApiDocument, type ApiOperation } from "#test/documented";
import { CONTRACTS, edgeWith, exampleOf } from "#test/http-app";
import { JWT_SECRET, runMain } from "#test/service";

const START_MS_MAX = 60_000;

/** Never there: a start that reaches for it waits for longer than a test does. */
const AWAY = { REDIS_URL: "redis://127.0.0.1:1", DATABASE_URL: "postgres://127.0.0.1:1/holdfast" };
const production = { ...AWAY, NODE_ENV: "production", JWT_SECRET };

const namesIn = (env: Record<string, string>): string[] =>
  contractsOf(readConfigFor({ also: contractProblems }, env)).map(({ name }) => name);

const all = CONTRACTS.map(({ name }) => name);
const open = CONTRACTS.filter(({ knowsTokens }) => !knowsTokens).map(({ name }) => name);

test("all contracts there are, outside production; our own in it; else those that are named", () => {
  expect(namesIn({})).toEqual(all);
  expect(namesIn(production)).toEqual(["inventory"]);
  const reversed = all.toReversed();
  expect(namesIn({ CONTRACTS: reversed.join(",") })).toEqual(reversed);
  const shouted = () => namesIn({ CONTRACTS: "SOAP" });
  expect(shouted).toThrow(/used:\n {2}CONTRACTS: must be words of small letters.*$/);
});

test("in production open contracts are refused unless that is said to be meant", () => {
  for (const name of all) {
    const env = { ...production, CONTRACTS: name };
    if (open.includes(name)) {
      expect(() => namesIn(env)).toThrow(`CONTRACTS: ${name} would take changes from everybody`);
      expect(() => namesIn(env)).toThrow(ConfigError);
    } else expect(namesIn(env)).toEqual([name]);
    expect(namesIn({ ...env, CONTRACTS_OPEN: "1" })).toEqual([name]);
    expect(namesIn({ ...env, CONTRACTS_AUTH: "required" })).toEqual([name]);
  }
  const both = { ...production, CONTRACTS: all.join(",") };
  expect(() => namesIn(both)).toThrow(`CONTRACTS: ${open.join(", ")} would take`);
});

test("a start is refused in one line of JSON in production, before it reaches for a server", async () => {
  for (const one of open) {
    const refused = await runMain(["start"], { ...production, CONTRACTS: `inventory,${one}` });
    expect(refused.code).toBe(1);
    const line: unknown = JSON.parse(refused.output);
    const problem = expect.stringContaining(`${one} would take changes from everybody; `);
    expect(line).toMatchObject({
      level: "error",
      message: "the service does not start",
      problems: [{ variable: "CONTRACTS", problem }],
    });
  }
});

test("outside production it is refused in lines for people: all problems, one a line", async () => {
  const env = { ...AWAY, CONTRACTS: "soap,inventory,rest", JWT_SECRET: "short", PORT: "x" };
  const { code, output } = await runMain(["start"], env);
  expect(code).toBe(1);
  expect(output.trimEnd().split("\n").toSorted()).toEqual([
    expect.stringMatching(/^ {2}CONTRACTS: there is no contract soap, rest; there are: inventory/),
    expect.stringMatching(/^ {2}JWT_SECRET: must have at least 32 bytes, has 5; /),
    expect.stringMatching(/^ {2}PORT: must be a whole number/),
    "The configuration cannot be used:",
  ]);
});

test(
  "a start serves what is asked for, to whom that is said to be, documents too",
  async () => {
    const settings = { CONTRACTS_AUTH: "required", DOCS_PUBLIC: "0" };
    await using service = await serveContracts(all.join(","), settings);
    expect((await service.call("GET", "/openapi.json")).status).toBe(401);
    const { body } = await service.call("GET", "/openapi.json", { as: "admin" });
    const operations = Object.values(ApiDocument.parse(body).paths).flatMap(Object.values);
    const tags = operations.flatMap((operation: ApiOperation) => operation.tags);
    expect([...new Set(tags)].toSorted()).toEqual(all.toSorted());
    for (const contract of CONTRACTS) {
      for (const route of contract.routes(edgeWith(false)).filter(({ mutation }) => mutation)) {
        const { path, method, body: change = {} } = exampleOf(route);
        const { status } = await service.call(method, path, { body: change });
        expect([method, path, status]).toEqual([method, path, 401]);
      }
    }
  },
  START_MS_MAX,
);
