/**
 * What every route of every contract must hold, whatever it does. A route is here by being in its
 * contract's list; a contract needs a row in SHAPES, and what its routes take in #test/examples.
 */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { Contract } from "#http/contract";
import { Problem, PROBLEM_CODES } from "#http/problem";
import { checksOf } from "#http/route-refusals";
import type { Route } from "#http/routes/route";
import { issueToken } from "#http/token";
import { ROLES } from "#inventory/context";
import {
  CONTRACTS,
  edgeWith,
  exampleOf,
  openApp,
  SECRET,
  tokenOf,
  TOKENS,
  type Answered,
} from "#test/http-app";

const Words = z.string().min(1);

/** RFC 9457, and what older clients read. */
const ProblemBody = z.looseObject({
  type: z.templateLiteral(["/problems/", z.enum(PROBLEM_CODES)]),
  title: Words,
  status: z.int(),
  detail: Words,
  code: z.enum(PROBLEM_CODES),
  message: Words,
  error: Words,
  requestId: Words,
  retryable: z.boolean(),
});

/** The body of every refusal, by contract; where an object is strict, these members and no other. */
const SHAPES: Readonly<Record<string, z.ZodType>> = {
  inventory: ProblemBody,
  fastapi: z.strictObject({
    detail: z.union([
      Words,
      z
        .array(
          z.strictObject({
            type: Words,
            loc: z.tuple([z.enum(["body", "query"])], z.union([z.string(), z.int()])),
            msg: Words,
            input: z.unknown(),
          }),
        )
        .min(1),
    ]),
  }),
  eureka: ProblemBody,
  nestjs: z.strictObject({
    statusCode: z.int(),
    message: z.union([Words, z.array(Words).min(1)]),
    error: Words.optional(),
  }),
  gateway: z.strictObject({ error: Words }),
};

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const CLIENT_ERRORS = [400, 404, 405, 409, 410, 415, 422];
const KIBIBYTE = 1024;
const JSON_TYPE = { "content-type": "application/json" };

const open = openApp({ contracts: CONTRACTS });
const closed = openApp({ contracts: CONTRACTS, config: { takesAnonymous: false } });

const expired = await tokenOf("admin", "ada", -60);
const forged = await issueToken({
  secret: `another ${SECRET}`,
  role: "admin",
  subject: "ada",
  ttlSeconds: 60,
});
const BAD_TOKENS = ["garbage", "a.b.c", forged, expired, "x".repeat(5000)];

/** The same contracts, whose routes fail the test when anything comes through to them. */
const guarded = openApp({
  promises: "nothing",
  contracts: CONTRACTS.map((contract) => ({
    ...contract,
    routes: (edge) => contract.routes(edge).map((route) => ({ ...route, handlers: [reached] })),
  })),
  config: { takesAnonymous: false },
});

function reached(): never {
  throw new Error("a refused request reached its route");
}

function expectRefusal(contract: Contract, answer: Answered, statuses: readonly number[]): void {
  expect([answer.text, statuses.includes(answer.status) || answer.status]).toEqual([
    answer.text,
    true,
  ]);
  expect(answer.headers.get("content-type")).toMatch(/^application\/(problem\+)?json$/);
  expect(answer.headers.get("x-request-id")).toMatch(/^[a-z0-9]{20}$/);
  const shape = SHAPES[contract.name];
  if (shape === undefined) throw new Error(`contract ${contract.name} has no row in SHAPES`);
  expect([answer.text, shape.safeParse(answer.body).error?.issues]).toEqual([
    answer.text,
    undefined,
  ]);
}

/** Whatever was asked: a success or the caller's mistake, told in the contract's words. */
function expectAnswer(contract: Contract, answer: Answered): void {
  if (answer.status >= 300) expectRefusal(contract, answer, CLIENT_ERRORS);
}

const isSuccess = ({ status }: Answered): boolean => status >= 200 && status < 300;

/** Loopback, which is who may read metrics. */
const ip = "127.0.0.1";

function testAuthentication(contract: Contract, route: Route, isOpened: boolean): void {
  const { path, name, ...example } = exampleOf(route);
  if (route.roles === "public") {
    test("answers everybody, and does not look at a bad token", async () => {
      for (const token of [undefined, ...BAD_TOKENS]) {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const answer = await closed.send(path, { ...example, headers, ip });
        expect([name, answer.text, isSuccess(answer)]).toEqual([name, answer.text, true]);
      }
    });
    return;
  }
  const { roles } = route;

  test("refuses who has no token, or one that does not hold", async () => {
    const schemes = [{}, { authorization: "Basic YWRhOmFkYQ==" }, { authorization: "Bearer" }];
    const tokens = BAD_TOKENS.map((token) => ({ authorization: `Bearer ${token}` }));
    for (const headers of [...schemes, ...tokens]) {
      const answer = await guarded.send(path, { ...example, headers });
      expectRefusal(contract, answer, [401]);
      expect(answer.headers.get("www-authenticate")).toStartWith('Bearer realm="holdfast"');
    }
  });

  test("takes the roles that may, and refuses the others", async () => {
    for (const as of ROLES) {
      if (!roles.includes(as)) {
        expectRefusal(contract, await guarded.send(path, { ...example, as }), [403]);
        continue;
      }
      const answer = await closed.send(path, { ...example, as });
      expect([as, answer.text, isSuccess(answer)]).toEqual([as, answer.text, true]);
    }
  });

  test(isOpened ? "takes everybody where that is said to be meant" : "is never open", async () => {
    for (const headers of [{}, { authorization: `Bearer ${expired}` }]) {
      const answer = await open.send(path, { ...example, headers });
      if (isOpened) expect([answer.text, isSuccess(answer)]).toEqual([answer.text, true]);
      else expectRefusal(contract, answer, [401]);
    }
  });
}

function testBody(contract: Contract, route: Route): void {
  const { path, method, body } = exampleOf(route);
  const send = (text: string, headers: Record<string, string> = JSON_TYPE) =>
    open.send(path, { method, as: "admin", body: text, headers });
  const mayLack = checksOf(route).some(({ target, required }) => target === "json" && !required);
  const expectOfNone = (answer: Answered): void => {
    if (mayLack) expectAnswer(contract, answer);
    else expectRefused(answer);
  };
  /** A route that reads no body answers as if there were none. */
  const expectRefused = (answer: Answered): void => {
    if (body === undefined) expectAnswer(contract, answer);
    else expectRefusal(contract, answer, [400, 415, 422]);
  };

  test("that is malformed, or no object, is refused", async () => {
    const malformed = ["{", "nul", '{"quantity": 1,}', "[".repeat(30_000), "\u0000", "{'a': 1}"];
    const others = ["[]", "null", "1", '"text"', "true"];
    for (const text of [...malformed, ...others]) expectRefused(await send(text));
    expectOfNone(await send(""));
  });

  test("that does not say it is JSON, or is missing, is refused", async () => {
    for (const type of ["text/plain", "text/html", "application/x-www-form-urlencoded"]) {
      expectRefused(await send("x", { "content-type": type }));
    }
    expectOfNone(await open.send(path, { method, as: "admin" }));
  });

  test("that is too large is refused before anything else is looked at", async () => {
    // A file says its length before it may be as long as that.
    const bytesMax = (route.bulk || route.file ? 256 : 64) * KIBIBYTE;
    const text = JSON.stringify({ padding: "x".repeat(bytesMax) });
    const length = route.file ? 16 * KIBIBYTE * KIBIBYTE + 1 : text.length;
    const declared = { ...JSON_TYPE, "content-length": String(length) };
    const undeclared = { ...JSON_TYPE, "transfer-encoding": "chunked" };
    for (const headers of [declared, undeclared]) {
      const answer = await guarded.send(path, { method, body: text, headers });
      expectRefusal(contract, answer, [413]);
    }
    const below = await open.send(path, {
      method,
      as: "admin",
      body: `{${" ".repeat(bytesMax - 2)}}`,
      headers: JSON_TYPE,
    });
    expectAnswer(contract, below);
  });

  if (!route.mutation) return;
  test("under an Idempotency-Key that is none is refused", async () => {
    for (const key of ["", "x".repeat(129), "a\u0085b"]) {
      const headers = { "idempotency-key": key };
      const answer = await open.send(path, { method, as: "admin", body: body ?? {}, headers });
      expectRefusal(contract, answer, [400, 422]);
    }
  });
}

function testPath(contract: Contract, route: Route, routes: readonly Route[]): void {
  const { path, body } = exampleOf(route);
  const [plain = ""] = path.split("?");
  const taken = routes.filter((other) => patternOf(other).test(plain)).map(({ method }) => method);

  test("a wrong method is told which ones there are", async () => {
    expect(taken).toContain(route.method);
    for (const method of METHODS.filter((candidate) => !taken.includes(candidate))) {
      const answer = await open.send(plain, { method, as: "admin" });
      expectRefusal(contract, answer, [405]);
      const allow = (answer.headers.get("allow") ?? "").split(", ");
      expect(allow).toEqual(expect.arrayContaining([...taken, "OPTIONS"]));
      expect(allow).not.toContain(method);
    }
    const options = await open.send(plain, { method: "OPTIONS" });
    expect([options.status, options.text]).toEqual([204, ""]);
  });

  test("a hostile id or query is nobody's bug", async () => {
    const { method } = route;
    const ids = [
      "%00",
      "%7Bp1%7D",
      "p%2F1",
      "%2e%2e%2fp1",
      "x".repeat(65),
      "%",
      "%zz",
      "%ff",
      "p:1",
    ];
    const queries = ["?%00=1&__proto__=1&constructor=2", "?limit=-1&limit=x&page=%ff", "?cursor=%"];
    const hostile = ids.map((id) => route.path.replaceAll(/:\w+/g, id));
    for (const at of [...new Set(hostile), ...queries.map((query) => plain + query)]) {
      const answer = await open.send(at, { method, as: "admin", ip, ...(body ? { body } : {}) });
      expectAnswer(contract, answer);
    }
  });
}

const patternOf = ({ path }: Route): RegExp =>
  new RegExp(`^${path.replaceAll(/[.]/g, "\\.").replaceAll(/:\w+/g, "[^/]+")}$`);

function testWords(contract: Contract, protectedRoute: Route): void {
  const { path, ...example } = exampleOf(protectedRoute);
  /** An app whose requests fail as soon as somebody asks who calls. */
  const failing = (error: Error) => {
    const verify = async (): Promise<never> => {
      throw error;
    };
    const auth = { cached: () => undefined, verify, holdsFor: verify };
    const app = openApp({
      contracts: CONTRACTS,
      auth,
      promises: "nothing",
      config: { takesAnonymous: false },
    });
    return app.send(path, example);
  };

  test.each([...PROBLEM_CODES])("%s has words, and says when to come again", async (code) => {
    const answer = await failing(new Problem(code, "these are the words"));
    expectRefusal(contract, answer, [answer.status]);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const isLater = answer.status === 429 || answer.status === 503;
    expect(answer.headers.has("retry-after")).toBe(isLater);
  });

  test("a bug is told without what it was", async () => {
    const answer = await failing(new Error("the secret is 42"));
    expectRefusal(contract, answer, [500]);
    expect(answer.text).not.toContain("secret");
  });

  test.each([...contract.prefixes])("%s has nothing below it that nobody made", async (prefix) => {
    for (const more of ["/no/such/path/here", "//", "/%00/x/y/z", "/no/such/<b>path</b>"]) {
      for (const method of ["GET", "POST"]) {
        const answer = await open.send(`${prefix}${more}`, { method });
        expectRefusal(contract, answer, [404]);
      }
    }
  });
}

test("there are contracts to test, each with routes, and every role", () => {
  expect(CONTRACTS.map(({ name }) => name)).toContain("inventory");
  const empty = CONTRACTS.filter(({ routes }) => routes(edgeWith(true)).length === 0);
  expect(empty.map(({ name }) => name)).toEqual([]);
  expect(Object.keys(TOKENS).toSorted()).toEqual([...ROLES].toSorted());
});

for (const contract of CONTRACTS) {
  const routes = contract.routes(edgeWith(true));
  const protectedRoutes = contract.routes(edgeWith(false));
  const isOpened = ({ method, path }: Route): boolean =>
    routes.find((route) => route.method === method && route.path === path)?.roles === "public";

  describe(`contract ${contract.name}`, () => {
    for (const route of protectedRoutes) {
      const name = `${route.method} ${route.path}`;
      describe(name, () => testAuthentication(contract, route, isOpened(route)));
      describe(`around ${name}`, () => testPath(contract, route, routes));
      if (route.method === "GET") continue;
      describe(`the body of ${name}`, () => testBody(contract, route));
    }
    const route = protectedRoutes.find(({ roles }) => roles !== "public");
    if (route === undefined) throw new Error(`nothing of ${contract.name} is protected`);
    describe("words", () => testWords(contract, route));
  });
}
