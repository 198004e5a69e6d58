import { describe, expect, test } from "bun:test";
import { PATHS, RESERVED_WORDS, wordsOf } from "#http/paths";
import { checksOf } from "#http/route-refusals";
import { exampleOf, openApp, ROUTES, TOKENS } from "#test/http-app";
import { RESERVATION_ID } from "#test/ports-double";

const { app, send } = openApp();
const authorization = `Bearer ${TOKENS.admin}`;
const withBody = ROUTES.filter((route) => route.method !== "GET");
const KIBIBYTE = 1024;
/** Calls that ask for work of a worker. */
const ASKING = new Set<string>([PATHS.reconcile, PATHS.pseudonymize]);
/** A body without a field asks for something there: a comparison of everything. */
const EMPTY_TAKEN = new Set<string>([PATHS.reconcile]);

test("there are routes to test", () => {
  expect(ROUTES.length).toBe(73);
  expect(withBody.length).toBe(36);
});

test("a body may be missing exactly where every field of it may be", () => {
  const bodies = withBody.flatMap((route) =>
    checksOf(route).flatMap(({ target, schema, required }) => {
      const isTaken = schema.safeParse({}).success;
      return target === "json"
        ? [{ call: `${route.method} ${route.path}`, isTaken, required }]
        : [];
    }),
  );
  expect(bodies.length).toBe(withBody.length);
  expect(bodies.filter(({ isTaken, required }) => isTaken === required)).toEqual([]);
});

describe.each(withBody)("the body of $method $path", (route) => {
  const { method, path, body } = exampleOf(route);
  const json = { "content-type": "application/json" };
  const done = ASKING.has(route.path) ? 202 : 200;

  test.each(["{", "nul", '{"quantity": 1,}', "[".repeat(30_000), "\u0000", "{'a': 1}"])(
    "that is malformed is told so: %j",
    async (text) => {
      const answer = await send(path, { method, as: "admin", body: text, headers: json });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: "malformed_json",
        type: "/problems/malformed_json",
      });
    },
  );

  test.each(["[]", "null", "1", '"text"', "true"])("must be an object, not %s", async (text) => {
    const answer = await send(path, { method, as: "admin", body: text, headers: json });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: "validation_failed", message: "must be an object" });
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/ld+json",
    "application/json-seq",
    "json",
  ])("must not be sent as %s", async (type) => {
    const headers = { "content-type": type };
    const answer = await send(path, { method, as: "admin", body: "{}", headers });
    expect(answer.status).toBe(415);
    expect(answer.body).toMatchObject({ code: "json_required" });
  });

  test("may say its character set", async () => {
    const headers = { "content-type": "Application/JSON; charset=utf-8" };
    const answer = await send(path, { method, as: "admin", body: body ?? {}, headers });
    expect([200, 201, 202]).toContain(answer.status);
  });

  test("with a field that nobody knows is refused, by name", async () => {
    const unknown = JSON.parse(`{"__proto__": 1, "surprise": 2}`);
    const answer = await send(path, { method, as: "admin", body: { ...body, surprise: 2 } });
    expect(answer.status).toBe(400);
    const errors = [{ path: "surprise", message: "is not a field of this call" }];
    expect(answer.body).toMatchObject({ code: "validation_failed", errors });
    const hostile = await send(path, { method, as: "admin", body: unknown });
    expect(hostile.status).toBe(400);
  });

  const mayBeMissing = body === undefined || EMPTY_TAKEN.has(route.path);
  test(mayBeMissing ? "may be missing" : "must be there", async () => {
    for (const headers of [{}, json]) {
      const answer = await send(path, { method, as: "admin", headers });
      expect(answer.status).toBe(mayBeMissing ? done : 400);
      if (!mayBeMissing) expect(answer.body).toMatchObject({ code: "malformed_json" });
    }
  });

  const limit = (route.file ? 16 * KIBIBYTE : route.bulk ? 256 : 64) * KIBIBYTE;
  test("is refused above its limit, whether or not it says its length", async () => {
    const text = JSON.stringify({ padding: "x".repeat(limit) });
    for (const headers of [json, { ...json, "content-length": String(text.length) }]) {
      const answer = await send(path, { method, as: null, body: text, headers });
      expect(answer.status).toBe(413);
      expect(answer.body).toMatchObject({ code: "body_too_large" });
    }
  });

  test("is refused above its limit when it comes in pieces and lies about its length", async () => {
    const pieces = new ReadableStream({
      start(controller) {
        for (let piece = 0; piece < limit / KIBIBYTE + 2; piece += 1) {
          controller.enqueue(new Uint8Array(KIBIBYTE));
        }
        controller.close();
      },
    });
    const headers = { ...json, authorization, "transfer-encoding": "chunked" };
    const request = new Request(`http://localhost${path}`, { method, body: pieces, headers });
    request.headers.set("content-length", "2");
    const response = await app.fetch(request, {});
    expect(response.status).toBe(413);
  });

  test("is taken just below its limit", async () => {
    const text = `{${" ".repeat(limit - 2)}}`;
    const headers = { ...json, "content-length": String(limit) };
    const answer = await send(path, { method, as: "admin", body: text, headers });
    expect(answer.status).toBe(mayBeMissing ? done : 400);
    expect(answer.body["code"]).toBe(mayBeMissing ? undefined : "validation_failed");
  });
});

describe.each(ROUTES)("around $method $path", (route) => {
  const { path } = exampleOf(route);
  const taken = ROUTES.filter((other) => other.path === route.path).map(({ method }) => method);
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

  test("a wrong method is told which ones there are", async () => {
    for (const method of methods.filter((candidate) => !taken.some((one) => one === candidate))) {
      const answer = await send(path, { method });
      expect(answer.status).toBe(405);
      expect(answer.body).toMatchObject({ code: "method_not_allowed" });
      const allow = (answer.headers.get("allow") ?? "").split(", ");
      expect(allow).toEqual(expect.arrayContaining(taken));
      expect(allow).not.toContain(method);
    }
  });

  test.each(["/", "/x", "//", "%20x"])("%s more is another path", async (more) => {
    const [bare = "", query = ""] = path.split("?");
    const answer = await send(`${bare}${more}?${query}`, { as: "admin" });
    const isOtherId = more === "%20x" && route.path.endsWith("Id") && taken.includes("GET");
    const isOtherSku = more === "%20x" && route.path.endsWith(":sku");
    if (isOtherId || isOtherSku) expect(answer.status).toBe(400);
    else expect([404, 405]).toContain(answer.status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });
});

describe("an unknown path", () => {
  test.each([
    "/",
    "/api",
    "/api/inventory",
    "/api/inventory/nothing",
    "/favicon.ico",
    "/%00",
    "/*",
  ])("%s is told so in JSON", async (path) => {
    const answer = await send(path);
    expect(answer.status).toBe(404);
    const requestId = answer.headers.get("x-request-id");
    expect(answer.body).toMatchObject({ code: "route_not_found", status: 404, requestId });
  });
});

describe("a hostile id", () => {
  const ids = [
    "%00",
    "%7B",
    "%7Bp1%7D",
    "p%2F1",
    "..%2F..",
    "%2e%2e%2fp1",
    "x".repeat(65),
    "-p1",
    "p1%0A",
    "p1%20",
    "%",
    "%zz",
    "%ff",
    "p%251",
    "p:1",
    "%F0%9F%92%A9",
  ];
  const paths = [PATHS.product, PATHS.sku, PATHS.reserve, PATHS.stock, PATHS.movements];
  test.each(ids)("%s is refused wherever it stands in a path", async (id) => {
    for (const path of paths) {
      const route = ROUTES.find((candidate) => candidate.path === path);
      const { method, body } = exampleOf(route ?? { method: "GET", path });
      const at = path.replace(":productId", id).replace(":sku", id);
      const answer = await send(at, { method, as: "admin", ...(body ? { body } : {}) });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: "validation_failed" });
    }
  });

  test.each([
    "x",
    "p0-short-abcdefgh",
    RESERVATION_ID.toUpperCase(),
    `${RESERVATION_ID}x`,
    `p99999${RESERVATION_ID.slice(2)}`,
    `${RESERVATION_ID}%00`,
    "%7Bp0%7D",
  ])("%s names no reservation", async (id) => {
    const { reservation, confirm, cancel, extend, reassign } = PATHS;
    for (const path of [reservation, confirm, cancel, extend, reassign]) {
      const route = ROUTES.find((candidate) => candidate.path === path);
      const { method, body: given } = exampleOf(route ?? { method: "GET", path });
      const body = given === undefined ? {} : { body: given };
      const answer = await send(path.replace(":reservationId", id), {
        method,
        as: "admin",
        ...body,
      });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: "validation_failed" });
    }
  });
});

describe("a reserved word", () => {
  test("is any word that the router has below the base, and the scope of carts", () => {
    const fromRouter = wordsOf(ROUTES.map((route) => route.path));
    expect([...RESERVED_WORDS].sort()).toEqual([...fromRouter, "cart"].sort());
    for (const word of ["product", "sku", "products", "low-stock", "initialize", "reservations"]) {
      expect(RESERVED_WORDS).toContain(word);
    }
    expect(RESERVED_WORDS.size).toBeGreaterThan(15);
  });

  test.each([...RESERVED_WORDS])("%s names no product and no SKU", async (word) => {
    const created = await send("/api/inventory/initialize", {
      as: "admin",
      body: { productId: word, sku: "SKU-1", initialStock: 1 },
    });
    const withSku = await send("/api/inventory/initialize", {
      as: "admin",
      body: { productId: "p1", sku: word, initialStock: 1 },
    });
    const read = await send(`/api/inventory/product/${word}`);
    const readSku = await send(`/api/inventory/sku/${word}`);
    for (const answer of [created, withSku, read, readSku]) {
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: "reserved_id" });
    }
    expect(created.body["errors"]).toMatchObject([{ path: "productId" }]);
    expect(withSku.body["errors"]).toMatchObject([{ path: "sku" }]);
  });

  test("beside another mistake is one of several errors", async () => {
    const body = { productId: "products", sku: "SKU-1", initialStock: -1 };
    const answer = await send("/api/inventory/initialize", { as: "admin", body });
    expect(answer.body).toMatchObject({ code: "validation_failed" });
    expect(answer.body["errors"]).toBeArrayOfSize(2);
  });
});

describe("a query", () => {
  const lists = [
    "/products",
    "/reservations",
    "/low-stock",
    "/reorder",
    "/incoming",
    "/product/p1/movements",
  ];
  const limits = [
    "0",
    "-1",
    "1.5",
    "1e3",
    "0x10",
    "",
    "%20",
    "99999",
    "NaN",
    "1&limit=2",
    "%D9%A1",
  ];
  test.each(limits)("does not take %s for a limit", async (limit) => {
    for (const list of lists) {
      const answer = await send(`/api/inventory${list}?limit=${limit}`, { as: "admin" });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: "validation_failed" });
      expect(answer.text).toContain("limit");
    }
  });

  test.each(lists)("of %s refuses what nobody knows", async (list) => {
    const answer = await send(`/api/inventory${list}?stauts=x`, { as: "admin" });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ path: "stauts" }] });
  });
});

describe("every answer", () => {
  test("carries a request id: the caller's if it is a sane one", async () => {
    const sane = await send("/health", { headers: { "x-request-id": "order-7/try:2" } });
    expect(sane.headers.get("x-request-id")).toBe("order-7/try:2");
    for (const bad of ["x".repeat(129), "<script>", "a b", "\u00e9"]) {
      const answer = await send("/health", { headers: { "x-request-id": bad } });
      expect(answer.headers.get("x-request-id")).toMatch(/^[a-z0-9]{20}$/);
    }
    const unknown = await send("/nothing", { headers: { "x-request-id": "r-1" } });
    expect(unknown.body).toMatchObject({ requestId: "r-1" });
    expect(unknown.headers.get("x-request-id")).toBe("r-1");
  });

  test.each(["/health", "/nothing", "/api/inventory/product/p1", "/api/inventory/products"])(
    "of %s may not be stored, sniffed or framed",
    async (path) => {
      const { headers } = await send(path);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    },
  );

  test("to HEAD is that of GET without a body", async () => {
    const answer = await send("/api/inventory/product/p1", { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("etag")).toBe('"7"');
    expect(answer.text).toBe("");
  });
});
