import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Context } from "hono";
import { compat } from "#compat/index";
import type { EdgeEnv } from "#http/env";
import { inventory } from "#http/inventory";
import { PROBLEM_CODES } from "#http/problem";
import { ApiDocument, documentedBy } from "#test/documented";
import { EDGE, openApp } from "#test/http-app";

const contracts = [inventory, ...compat];

async function documentAt(path: string): Promise<string> {
  return (await openApp({ contracts }).send(path)).text;
}
const text = await documentAt("/openapi.json");
const document = ApiDocument.parse(JSON.parse(text));
const operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
  Object.entries(byMethod).map(([method, operation]) => ({ path, method, operation })),
);

test("the document is valid OpenAPI 3.1, by another's schema", async () => {
  expect(document.openapi).toStartWith("3.1.");
  expect(await new Validator().validate(JSON.parse(text))).toEqual({ valid: true });
});

test("router and document name the same calls, each under its contract", () => {
  const served = contracts.flatMap(({ name, routes }) =>
    routes(EDGE).map(({ method, path }) => `${name}: ${method} ${path}`),
  );
  const documented = operations.flatMap(({ path, method, operation }) =>
    operation.tags.map((tag) => `${tag}: ${method.toUpperCase()} ${path}`),
  );
  expect(served.length).toBeGreaterThan(40);
  const templates = served.map((call) => call.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, "{$1}"));
  // A contract's name is followed by a colon that is none of a path.
  expect(documented.toSorted()).toEqual(templates.toSorted());
});

test("every operation has an id of its own", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("only the contracts that are mounted are in it", async () => {
  for (const contract of contracts) {
    const answer = await openApp({ contracts: [contract] }).send("/openapi.json");
    const alone = ApiDocument.parse(JSON.parse(answer.text));
    const tags = Object.values(alone.paths).flatMap((byMethod) =>
      Object.values(byMethod).flatMap((operation) => operation.tags),
    );
    expect([...new Set(tags)].toSorted()).toEqual(
      [...new Set(["inventory", contract.name])].toSorted(),
    );
  }
});

test("who may call is who the route lets in", () => {
  for (const { name, routes } of contracts) {
    for (const route of routes(EDGE)) {
      const found = operations.find(
        ({ path, method, operation }) =>
          operation.tags.includes(name) &&
          method === route.method.toLowerCase() &&
          path === route.path.replaceAll(/:(\w+)/g, "{$1}"),
      );
      expect(found?.operation.security).toEqual(route.roles === "public" ? [] : [{ bearer: [] }]);
    }
  }
});

test("requests are described by the schemas that check them", () => {
  const stock = document.paths["/api/inventory/product/{productId}/stock"]?.["patch"];
  const [id] = stock?.parameters ?? [];
  expect(id).toMatchObject({ name: "productId", in: "path", required: true });
  expect(stock?.requestBody?.content["application/json"]?.schema).toMatchObject({
    required: ["quantity"],
    additionalProperties: false,
    properties: { quantity: { type: "integer", minimum: -1_000_000_000 } },
  });
  const names = stock?.parameters.map(({ $ref }) => $ref).filter((ref) => ref !== undefined);
  expect(names).toEqual([
    "#/components/parameters/IdempotencyKey",
    "#/components/parameters/Prefer",
    "#/components/parameters/IfMatch",
  ]);
  const list = document.paths["/api/inventory/low-stock"]?.["get"];
  expect(list?.parameters).toMatchObject([{ name: "limit", in: "query", required: false }]);
});

describe.each(contracts.map((contract) => [contract.name, contract] as const))(
  "contract %s",
  (_, contract) => {
    test.each(PROBLEM_CODES)("words %s in the shape that it documents", (code) => {
      const c = new Context<EdgeEnv>(new Request("http://localhost/"));
      const nothing = { caller: null, operation: null, level: null, asked: null };
      const state = { requestId: "r", deadline: 0, headers: {}, ...nothing };
      c.set("request", state);
      const { body } = contract.word({ code, message: "because" }, c);
      expect(contract.errorBody.safeParse(body).error).toBeUndefined();
    });
  },
);

describe("what tests hold answers against", () => {
  const check = documentedBy(document);
  const headers = new Headers({ "content-type": "application/json", "x-request-id": "r" });
  const answer = { method: "GET", path: "/health", status: 200, headers, text: "" };
  const timestamp = "2025-01-01T00:00:00.000Z";
  const body = { status: "healthy", service: "inventory-service", timestamp };

  test.each([
    ["a documented answer", { text: JSON.stringify(body) }, null],
    ["another status", { status: 418 }, "418 is not documented"],
    ["another body", { text: JSON.stringify({ ...body, more: 1 }) }, "another body"],
    ["no JSON", { text: "{" }, "another body"],
    ["no request id", { headers: new Headers() }, "lacks the header X-Request-Id"],
  ])("tells %s", (_, given, expected) => {
    const told = check({ ...answer, ...given });
    if (expected === null) expect(told).toBeNull();
    else expect(told).toContain(expected);
  });
});
