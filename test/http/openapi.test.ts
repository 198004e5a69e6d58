import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Context } from "hono";
import { compat } from "#compat/index";
import type { EdgeEnv } from "#http/env";
import { inventory } from "#http/inventory";
import { PATHS } from "#http/paths";
import { PROBLEM_CODES } from "#http/problem";
import { ApiDocument, documentedBy } from "#test/documented";
import { EDGE, exampleOf, openApp } from "#test/http-app";
import { PRODUCT_ID, reservationOf } from "#test/ports-double";

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
      const open = route.guarded === null ? [] : [{}, { bearer: [] }];
      expect(found?.operation.security).toEqual(route.roles === "public" ? open : [{ bearer: [] }]);
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

/** Contract, call, operation and an example of each route that the document has. */
const calls = contracts.flatMap(({ name, routes }) =>
  routes(EDGE).map((route) => {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    const operation = document.paths[path]?.[route.method.toLowerCase()];
    if (operation === undefined) throw new Error(`${path} is not documented`);
    const call = { ...exampleOf(route), name: `${name} ${route.method} ${route.path}` };
    return { ...call, route, operation };
  }),
);

describe("a body", () => {
  const { send } = openApp({ contracts });
  const taking = calls.flatMap(({ operation, ...call }) =>
    operation.requestBody ? [{ ...call, operation, ...operation.requestBody }] : [],
  );

  test("is required where a call without one is refused, and nowhere else", async () => {
    expect(taking.length).toBeGreaterThan(15);
    for (const { name, path, method, required } of taking) {
      const { status } = await send(path, { method, as: "admin" });
      expect([name, required]).toEqual([name, status >= 300]);
    }
  });

  test("of another type is 415 where that is documented, and nowhere else", async () => {
    for (const { name, path, method, operation } of taking) {
      const headers = { "content-type": "text/plain" };
      const { status } = await send(path, { method, as: "admin", body: "x", headers });
      expect([name, "415" in operation.responses]).toEqual([name, status === 415]);
    }
  });
});

test("headers of reads are documented where they are answered, and nowhere else", async () => {
  const positions = async () => [{ partition: 0, seq: 12, drained: 9 }];
  const products = async () => ({ items: [PRODUCT_ID], nextCursor: "next" });
  const reservations = async () => ({ items: [reservationOf()], nextCursor: "next" });
  const hasInactiveLocation = async () => true;
  const { send } = openApp({
    contracts,
    store: { positions, hasInactiveLocation },
    ledger: { products, reservations },
    config: { requestDeadlineMs: 50 },
  });
  const seen = new Set<string>();
  for (const { name, route, path, operation } of calls) {
    if (route.method !== "GET") continue;
    // What a product is now is asked of Redis; what it was, of the ledger.
    const isProduct = route.path === PATHS.product;
    const asked = isProduct ? `${path}?asOf=2025-01-31T12:00:00Z` : path;
    const { status, headers } = await send(asked, { as: "admin", ip: "127.0.0.1" });
    expect([name, status]).toEqual([name, 200]);
    const documented = Object.keys(operation.responses[status]?.headers ?? {});
    for (const header of ["Link", "Ledger-Lag"]) {
      expect([name, header, documented.includes(header)]).toEqual([
        name,
        header,
        headers.has(header),
      ]);
      if (headers.has(header)) seen.add(header);
    }
  }
  expect(seen.size).toBe(2);
});

test("what every answer and every refusal carries is documented", () => {
  const headersAt = (name: string, status: number) =>
    Object.keys(
      calls.find((call) => call.name === name)?.operation.responses[status]?.headers ?? {},
    );
  const sell = "inventory POST /api/inventory/product/:productId/sell";
  expect(headersAt(sell, 200)).toEqual([
    "X-Request-Id",
    "ETag",
    "Idempotency-Replayed",
    "Durability",
    "Preference-Applied",
  ]);
  expect(headersAt(sell, 401)).toEqual(["X-Request-Id", "WWW-Authenticate"]);
  expect(headersAt(sell, 503)).toEqual(["X-Request-Id", "Retry-After"]);
  const lasting = calls.filter(({ route }) => !route.whileStopping);
  expect(lasting.length).toBeGreaterThan(30);
  for (const { name } of lasting) expect(headersAt(name, 503)).toContain("Retry-After");
  for (const { name, headers } of contracts) {
    if (headers === undefined) continue;
    const own = calls.filter((call) => call.name.startsWith(`${name} `));
    for (const call of own) {
      for (const { headers: documented } of Object.values(call.operation.responses)) {
        expect(Object.keys(documented)).toContain("X-Correlation-ID");
      }
    }
  }
});

describe.each(contracts.map((contract) => [contract.name, contract] as const))(
  "contract %s",
  (_, contract) => {
    test.each(PROBLEM_CODES)("words %s in the shape that it documents", (code) => {
      const c = new Context<EdgeEnv>(new Request("http://localhost/"));
      const nothing = { caller: null, operation: null, level: null, asked: null };
      const uncounted = { charge: null, counting: null, isInside: false, heldBackMs: 0 };
      const state = { requestId: "r", deadline: 0, headers: {}, ...nothing, ...uncounted };
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
    [
      "a header of another kind",
      { headers: new Headers({ ...Object.fromEntries(headers), link: "</>" }) },
      "has headers that are not documented: link",
    ],
  ])("tells %s", (_, given, expected) => {
    const told = check({ ...answer, ...given });
    if (expected === null) expect(told).toBeNull();
    else expect(told).toContain(expected);
  });
});

test("each parameter of a query of ours says what it is, and what a page holds", () => {
  const named = calls
    .filter(({ name }) => name.startsWith("inventory "))
    .flatMap(({ operation }) => operation.parameters)
    .filter((parameter) => parameter["in"] === "query");
  expect(named.length).toBeGreaterThan(50);
  const words = /^[A-Z].*\.$/;
  const mute = named.filter((parameter) => !words.test(String(parameter["description"])));
  expect(mute).toEqual([]);
  const limits = named.filter((parameter) => parameter["name"] === "limit");
  expect(limits.length).toBeGreaterThan(8);
  for (const limit of limits) {
    const [least, most, rows] = [1, expect.any(Number), expect.any(Number)];
    const schema = { type: "integer", minimum: least, maximum: most, default: rows };
    expect(limit["schema"]).toEqual(schema);
  }
  const list = document.paths["/api/inventory/movements"]?.["get"]?.parameters;
  expect(list?.find((parameter) => parameter["name"] === "type")?.["schema"]).toMatchObject({
    type: "array",
    items: { enum: expect.arrayContaining(["SALE", "COUNT"]) },
  });
});
