import { expect, test } from "bun:test";
import { ROUTES } from "#test/http-app";
import { CASES } from "#test/probe-cases";

test("outages ask every change that Redis makes: each such route has a case", () => {
  const names = ROUTES.filter(({ mutation, inLedgerAlone }) => mutation && !inLedgerAlone).map(
    ({ method, path }) => `${method} ${path}`,
  );
  expect(names.length).toBeGreaterThan(10);
  const missing = names.filter((name) => !CASES.has(name));
  const advice = "has no case: say in test/support/probe-cases.ts what it does";
  expect(missing.map((name) => `${name} ${advice}`)).toEqual([]);
  expect([...CASES.keys()].filter((name) => !names.includes(name))).toEqual([]);
});
