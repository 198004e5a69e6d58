import { describe, expect, test } from "bun:test";
import { PATHS } from "#http/paths";
import { openApp, TOKENS } from "#test/http-app";

const FILES = [
  [PATHS.openapi, "application/json"],
  [PATHS.docsJson, "application/json"],
  [PATHS.docs, "text/html; charset=utf-8"],
  [PATHS.docsInit, "text/javascript; charset=utf-8"],
  [PATHS.docsScript, "text/javascript; charset=utf-8"],
  [PATHS.docsStyle, "text/css; charset=utf-8"],
] as const;

describe.each(FILES)("GET %s", (path, type) => {
  test("200 for everybody, and 304 for who has it", async () => {
    const { send } = openApp();
    const answer = await send(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(type);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expect(answer.text.length).toBeGreaterThan(100);
    const etag = answer.headers.get("etag") ?? "";
    const again = await send(path, { headers: { "if-none-match": etag } });
    expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
  });

  test("is for admins alone where it is not public", async () => {
    const { send } = openApp({ config: { docsPublic: false } });
    expect((await send(path)).status).toBe(401);
    expect((await send(path, { as: "service" })).status).toBe(403);
    expect((await send(path, { as: "admin" })).status).toBe(200);
  });

  test("200 while the process stops", async () => {
    expect((await openApp({ stopping: true }).send(path)).status).toBe(200);
  });
});

test("both paths have the same document", async () => {
  const { send } = openApp();
  expect((await send(PATHS.docsJson)).text).toBe((await send(PATHS.openapi)).text);
});

test("it says that a token is needed where it is", async () => {
  const { send } = openApp({ config: { docsPublic: false } });
  const { body } = await send(PATHS.openapi, {
    headers: { authorization: `Bearer ${TOKENS.admin}` },
  });
  expect(body).toMatchObject({ paths: { "/docs": { get: { security: [{ bearer: [] }] } } } });
});

describe("the page", () => {
  test("may run scripts of ours, and no other", async () => {
    const { headers } = await openApp().send(PATHS.docs);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy.split("; ").toSorted()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'self'",
    ]);
  });

  test("names files that are served, and nothing elsewhere", async () => {
    const { send } = openApp();
    const { text } = await send(PATHS.docs);
    const named = Array.from(text.matchAll(/(?:src|href)="([^"]+)"/g), ([, file = ""]) => file);
    const served = named.filter((file) => file !== "data:,");
    expect(served.length).toBe(3);
    for (const file of served) expect((await send(`/${file}`)).status).toBe(200);
  });

  test.each(["/docs/package.json", "/docs/..%2Fpage.html", "/docs/swagger-ui-bundle.js.map"])(
    "serves no file but those: %s",
    async (path) => {
      expect((await openApp().send(path)).status).toBe(404);
    },
  );
});
