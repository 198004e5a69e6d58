/** Which contract a request is of: by its path alone, part by part, the longest prefix first. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { Contract } from "#http/contract";
import { createHandlers, type EdgeContext } from "#http/env";
import { inventory } from "#http/inventory";
import { plainAnswer } from "#http/problem";
import { reply } from "#http/reply";
import { route } from "#http/routes/route";
import { openApp } from "#test/http-app";

/** A contract whose every answer says whose it is. */
function contractOf(name: string, prefixes: readonly string[], paths: readonly string[]): Contract {
  return {
    name,
    prefixes,
    knowsTokens: true,
    errorBody: z.object({ whose: z.string() }),
    word: (refusal) => plainAnswer(refusal, { whose: `${name}: ${refusal.code}` }),
    routes: () =>
      paths.map((path) =>
        route({
          method: "GET",
          path,
          summary: "Whose it is",
          answers: { 200: z.object({ whose: z.string() }) },
          roles: "public",
          handlers: createHandlers((c: EdgeContext) => reply(c, 200, { whose: name })),
        }),
      ),
  };
}

const outer = contractOf("outer", ["/stock"], ["/stock", "/stock/:id", "/stock/:id/more"]);
const inner = contractOf(
  "inner",
  ["/stock/levels", "/deep/er/stock"],
  ["/stock/levels/:id", "/deep/er/stock"],
);

const orders: [name: string, contracts: readonly Contract[]][] = [
  ["in this order", [inventory, outer, inner]],
  ["in the other order", [inner, outer, inventory]],
];

describe.each(orders)("contracts %s", (_, contracts) => {
  const { send } = openApp({ contracts, promises: "nothing" });

  test.each([
    ["/stock", "outer"],
    ["/stock?of=/stock/levels", "outer"],
    ["/stock/p1", "outer"],
    ["/stock/p1/more", "outer"],
    ["/stock/levels/p1", "inner"],
    ["/stock/levels/p1?more=1", "inner"],
    ["/deep/er/stock", "inner"],
    // What begins alike is another word.
    ["/stock/levels-1", "outer"],
    ["/stock/levels-1/more", "outer"],
    ["/stock/level", "outer"],
    // And what a prefix covers is its contract's, if only to be refused.
    ["/stock/levels", "inner: route_not_found"],
    ["/stock/levels/", "inner: route_not_found"],
    ["/stock/levels/p1/more", "inner: route_not_found"],
    ["/stock/levels-1/none", "outer: route_not_found"],
    ["/stock/p1/none", "outer: route_not_found"],
  ])("%s is of %s", async (path, whose) => {
    const { body, status } = await send(path);
    expect([status, body]).toEqual([whose.includes(":") ? 404 : 200, { whose }]);
  });

  test.each(["/stocks", "/stock-1/p1", "/deep/er", "/deep", "/", "//stock/p1", "/Stock/p1"])(
    "%s is nobody's, which contract A says",
    async (path) => {
      const { body, status } = await send(path);
      expect([status, body["code"]]).toEqual([404, "route_not_found"]);
    },
  );

  test("a wrong method is told by the contract whose path it is", async () => {
    const answer = await send("/stock/levels/p1", { method: "POST" });
    expect([answer.status, answer.body]).toEqual([405, { whose: "inner: method_not_allowed" }]);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });
});

test("a contract that is served alone has what nobody's prefix covers", async () => {
  const { send } = openApp({ contracts: [outer], promises: "nothing" });
  for (const path of ["/", "/stocks", "/api/inventory/products"]) {
    expect((await send(path)).body).toEqual({ whose: "outer: route_not_found" });
  }
  expect((await send("/health")).status).toBe(200);
});

test("beside another one, and without contract A, that is contract A's to say, and no more", async () => {
  const { send } = openApp({ contracts: [outer, inner], promises: "nothing" });
  for (const path of ["/", "/stocks", "/api/inventory/products", "/api/inventory/product/p1"]) {
    const { status, body } = await send(path);
    expect([status, body["code"]]).toEqual([404, "route_not_found"]);
  }
  expect((await send("/health")).status).toBe(200);
  expect((await send("/stock/levels/p1")).body).toEqual({ whose: "inner" });
});

test("what nobody serves is counted in one row of each contract, and routes under their pattern", async () => {
  const { send } = openApp({ contracts: [inventory, outer, inner], promises: "nothing" });
  for (const path of ["/stock/p1/none", "/stock/p2/none", "/stock/p1", "/nothing"])
    await send(path);
  const { text } = await send("/metrics", { ip: "127.0.0.1" });
  const counted = text
    .split("\n")
    .filter((line) => line.startsWith("holdfast_http_requests_total{"))
    .map((line) => line.replace("holdfast_http_requests_total", ""));
  expect(counted.toSorted()).toEqual([
    '{contract="inventory",route="unmatched",status="404"} 1',
    '{contract="outer",route="/stock/:id",status="200"} 1',
    '{contract="outer",route="unmatched",status="404"} 2',
  ]);
});

test("a request that names no host is found by its path", async () => {
  const { app } = openApp({ contracts: [inventory, outer, inner], promises: "nothing" });
  for (const [url, whose] of [
    ["/stock/levels/p1?x=1", "inner"],
    ["/stock/p1", "outer"],
  ] as const) {
    const request = new Request("http://localhost/elsewhere");
    Object.defineProperty(request, "url", { value: url });
    const response = await app.fetch(request, {});
    expect(await response.json()).toEqual({ whose });
  }
});
