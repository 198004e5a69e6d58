import { describe, expect, test } from "bun:test";
import { UnsecuredJWT } from "jose";
import type { Contract } from "#http/contract";
import { issueToken } from "#http/token";
import { ROLES } from "#inventory/context";
import type { StockStore } from "#inventory/ports";
import {
  CONTRACTS,
  edgeWith,
  exampleOf,
  openApp,
  ROUTES,
  tokenOf,
  type Answered,
  type TestApp,
} from "#test/http-app";

const GARBAGE = ["garbage", "a.b.c", "e30.e30.", "eyJhbGciOiJIUzI1NiJ9..", "\u00ff"];
const unsigned = new UnsecuredJWT({ role: "admin", sub: "ada" }).setExpirationTime("1m").encode();

/** An app whose store fails the test when anything reaches it. */
function openGuarded(): TestApp {
  const reached = () => {
    throw new Error("a refused request reached the store");
  };
  const store: Partial<StockStore> = {
    initialize: reached,
    amend: reached,
    adjust: reached,
    transfer: reached,
    registerLocation: reached,
    amendLocation: reached,
    locations: reached,
    hasInactiveLocation: reached,
    reserve: reached,
    sell: reached,
    return: reached,
    confirm: reached,
    cancel: reached,
    extend: reached,
    reassign: reached,
    expire: reached,
    product: reached,
    productOfSku: reached,
    reservation: reached,
    lowStock: reached,
    positions: reached,
    partitionOf: reached,
    campaigns: {
      schedule: reached,
      stop: reached,
      remove: reached,
      one: reached,
      all: reached,
      turnDue: reached,
    },
  };
  return openApp({ store });
}

function expectUnauthorized(answer: Answered, code: string): void {
  expect(answer.body).toMatchObject({ status: 401, code, retryable: false });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("www-authenticate")).toStartWith('Bearer realm="holdfast"');
}

/** What every route must hold, whatever it does. */
function testAuthorisationOf(route: (typeof ROUTES)[number]): void {
  const { path, ...example } = exampleOf(route);
  const { guarded } = route;
  if (guarded !== null) {
    const asking = `${path}?${guarded.query}=2025-01-31T12:00:00Z`;
    test(`with ${guarded.query} refuses a missing token, a bad one and other roles`, async () => {
      const { send } = openGuarded();
      expectUnauthorized(await send(asking, example), "token_missing");
      // However it is written.
      const [first = ""] = guarded.query;
      const written = `%${first.charCodeAt(0).toString(16)}${guarded.query.slice(1)}`;
      for (const query of [guarded.query, `${guarded.query}=`, `${written}=x`, `a=b&${written}`]) {
        expectUnauthorized(await send(`${path}?${query}`, example), "token_missing");
      }
      const headers = { authorization: "Bearer garbage" };
      expectUnauthorized(await send(asking, { ...example, headers }), "token_invalid");
      for (const role of ROLES.filter((candidate) => !guarded.roles.includes(candidate))) {
        const answer = await send(asking, { ...example, as: role });
        expect(answer.status).toBe(403);
        expect(answer.body).toMatchObject({ code: "role_required" });
      }
    });
    test(`with ${guarded.query} lets ${guarded.roles.join(" and ")} in`, async () => {
      for (const role of guarded.roles) {
        expect((await openApp().send(asking, { ...example, as: role })).status).toBe(200);
      }
    });
  }
  if (route.roles === "public") {
    test("answers without a token, and does not look at a bad one", async () => {
      const { send } = openApp();
      for (const headers of [{}, { authorization: "Bearer garbage" }]) {
        const answer = await send(path, { ...example, headers, ip: "127.0.0.1" });
        expect(answer.status).toBe(200);
      }
    });
    return;
  }

  test("refuses a missing token", async () => {
    const { send } = openGuarded();
    expectUnauthorized(await send(path, example), "token_missing");
    const basic = { authorization: "Basic YWRhOmFkYQ==" };
    expectUnauthorized(await send(path, { ...example, headers: basic }), "token_missing");
  });

  test("refuses garbage, an unsigned token and one signed with another secret", async () => {
    const { send } = openGuarded();
    const secret = "another secret of a test, long enough too";
    const forged = await issueToken({ secret, role: "admin", subject: "ada", ttlSeconds: 60 });
    for (const token of [...GARBAGE, unsigned, forged, "x".repeat(5000)]) {
      const headers = { authorization: `Bearer ${token}` };
      expectUnauthorized(await send(path, { ...example, headers }), "token_invalid");
    }
  });

  test("refuses an expired token", async () => {
    const { send } = openGuarded();
    const headers = { authorization: `Bearer ${await tokenOf("admin", "ada", -60)}` };
    expectUnauthorized(await send(path, { ...example, headers }), "token_expired");
  });

  const { roles } = route;
  for (const role of ROLES.filter((candidate) => !roles.includes(candidate))) {
    test(`refuses the role ${role}`, async () => {
      const answer = await openGuarded().send(path, { ...example, as: role });
      expect(answer.status).toBe(403);
      expect(answer.body).toMatchObject({ code: "role_required", retryable: false });
    });
  }
  for (const role of roles) {
    test(`lets the role ${role} in`, async () => {
      const answer = await openApp().send(path, { ...example, as: role });
      expect([200, 201, 202]).toContain(answer.status);
    });
  }
}

for (const route of ROUTES) {
  describe(`authorisation of ${route.method} ${route.path}`, () => testAuthorisationOf(route));
}

/** `METHOD path: who`; contract A's without its base, those of another behind its name. */
function matrixOf({ name, routes }: Contract, takesAnonymous: boolean): string[] {
  const names = (roles: (typeof ROUTES)[number]["roles"]): string =>
    roles === "public" ? "public" : ROLES.filter((role) => roles.includes(role)).join(" ");
  return routes(edgeWith(takesAnonymous)).map(({ method, path, roles, guarded }) => {
    const more = guarded === null ? "" : `; ${guarded.query}: ${names(guarded.roles)}`;
    const who = `${names(roles)}${more}`;
    const isOurs = name === "inventory";
    const call = isOurs ? path.replace("/api/inventory", "") : path;
    return `${isOurs ? "" : `${name} `}${method} ${call}: ${who}`;
  });
}

test("where a deployment opens them, contracts without authentication are public, and no other", () => {
  for (const contract of CONTRACTS) {
    const isPublic = (line: string) => line.endsWith(": public");
    const open = matrixOf(contract, true);
    if (!contract.knowsTokens) expect(open.filter(isPublic)).toEqual(open);
    else expect(open).toEqual(matrixOf(contract, false));
  }
});

test("open or not, a call is the same but for who may make it", () => {
  const callsWhere = (takesAnonymous: boolean) =>
    CONTRACTS.flatMap(({ routes }) => routes(edgeWith(takesAnonymous))).map(
      ({ method, path, mutation, conditional, bulk, whileStopping, refusals, headers }) => ({
        method,
        path,
        mutation,
        conditional,
        bulk,
        whileStopping,
        refusals,
        headers,
      }),
    );
  const calls = callsWhere(true);
  expect(calls.map(({ mutation }) => mutation)).toContain(true);
  expect(callsWhere(false)).toEqual(calls);
});

test("the matrix is the one of the contract", () => {
  const matrix = CONTRACTS.flatMap((contract) => matrixOf(contract, false));
  // Rows of a contract that is not there any more ask for nothing.
  const names = new Set(CONTRACTS.map(({ name }) => name));
  const expected = MATRIX.filter((row) => {
    const [first = ""] = row.split(" ");
    return /^[A-Z]+$/.test(first) || names.has(first);
  });
  expect(matrix.sort()).toEqual(expected);
});

const MATRIX = [
  "DELETE /campaigns/:campaignId: admin",
  "DELETE /limits/:limitId: admin service",
  "GET /alerts: admin service",
  "GET /campaigns/:campaignId: public",
  "GET /campaigns: public",
  "GET /counts/runs/:runId: admin",
  "GET /counts/runs: admin",
  "GET /customers/holds: admin",
  "GET /docs-json: public",
  "GET /docs/init.js: public",
  "GET /docs/swagger-ui-bundle.js: public",
  "GET /docs/swagger-ui.css: public",
  "GET /docs: public",
  "GET /events: admin service",
  "GET /health/live: public",
  "GET /health/ready: public",
  "GET /health: public",
  "GET /incoming: admin service",
  "GET /limits/:limitId: admin service",
  "GET /limits: admin service",
  "GET /locations: admin service",
  "GET /low-stock: admin service",
  "GET /metrics: public",
  "GET /movements/export: admin service",
  "GET /movements: admin service",
  "GET /openapi.json: public",
  "GET /product/:productId/movements: admin service",
  "GET /product/:productId/waitlist/places: admin",
  "GET /product/:productId/waitlist: admin service customer",
  "GET /product/:productId: public; asOf: admin service",
  "GET /products: admin service",
  "GET /pseudonymizations/:pseudonymizationId: admin",
  "GET /reconcile/:runId: admin",
  "GET /reconcile: admin",
  "GET /recovery-reports: admin",
  "GET /reorder: admin service",
  "GET /reservation/:reservationId: admin service customer",
  "GET /reservations: admin service customer",
  "GET /sku/:sku: public",
  "PATCH /incoming/:incomingId: admin",
  "PATCH /locations/:location: admin",
  "PATCH /product/:productId/stock: admin service",
  "PATCH /product/:productId: admin service",
  "POST /bulk/adjust: admin service",
  "POST /bulk/cancel: admin service customer",
  "POST /bulk/confirm: admin service customer",
  "POST /bulk/initialize: admin service",
  "POST /campaigns/:campaignId/stop: admin",
  "POST /campaigns: admin",
  "POST /check-availability: public",
  "POST /cleanup-expired: admin",
  "POST /counts/runs: admin",
  "POST /counts: admin",
  "POST /customers/:customerId/pseudonymize: admin",
  "POST /incoming/:incomingId/cancel: admin",
  "POST /incoming/:incomingId/receive: admin",
  "POST /incoming: admin",
  "POST /initialize: admin service",
  "POST /locations: admin",
  "POST /product/:productId/reserve: admin service customer",
  "POST /product/:productId/return: admin service",
  "POST /product/:productId/sell: admin service",
  "POST /product/:productId/transfer: admin",
  "POST /product/:productId/waitlist/leave: admin service customer",
  "POST /product/:productId/waitlist: admin service customer",
  "POST /reconcile: admin",
  "POST /reservation/:reservationId/cancel: admin service customer",
  "POST /reservation/:reservationId/confirm: admin service customer",
  "POST /reservation/:reservationId/extend: admin service customer",
  "POST /reservation/:reservationId/owner: admin service",
  "POST /reservations: admin service customer",
  "PUT /campaigns/:campaignId: admin",
  "PUT /limits/:limitId: admin service",
  "eureka GET /api/inventory/:productId: public",
  "eureka GET /api/inventory: public",
  "eureka GET /info: public",
  "eureka POST /api/inventory/:productId/deduct: admin service",
  "eureka POST /api/inventory/:productId/release: admin service",
  "eureka POST /api/inventory/:productId/reserve: admin service",
  "eureka POST /api/inventory: admin service",
  "eureka PUT /api/inventory/:productId/quantity: admin service",
  "fastapi GET /inventory/:product_id/status: public",
  "fastapi GET /inventory/:product_id: public",
  "fastapi GET /inventory: public",
  "fastapi POST /inventory: admin service",
  "fastapi PUT /inventory/:product_id/replenish: admin service",
  "fastapi PUT /inventory/:product_id/reserve: admin service",
  "gateway GET /api/v1/inventory/check: public",
  "gateway GET /api/v1/inventory/items/:product_id: admin",
  "gateway GET /api/v1/inventory/items: admin",
  "gateway GET /api/v1/inventory/warehouses: admin",
  "nestjs GET /inventory/stock-levels/:productId: public",
  "nestjs GET /v1/api/inventory/stock-levels/:productId: public",
  "nestjs POST /inventory/update-stock: admin service",
  "nestjs POST /v1/api/inventory/update-stock: admin service",
  "nestjs PUT /inventory/cancel-reservation/:productId: admin service",
  "nestjs PUT /inventory/reserve-order/:productId: admin service",
  "nestjs PUT /v1/api/inventory/cancel-reservation/:productId: admin service",
  "nestjs PUT /v1/api/inventory/reserve-order/:productId: admin service",
];
