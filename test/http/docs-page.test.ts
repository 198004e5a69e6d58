import { expect, test } from "bun:test";
import { complaintsOf, startBrowser } from "#test/browser";
import type { App } from "#http/app";
import { openApp } from "#test/http-app";

const SHOWN_MS_MAX = 20_000;

test("the page at /docs shows every call, asks no other server, and no policy is broken", async () => {
  const { app, send } = openApp();
  await using server = serve(app);
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    const asked = new Set<string>();
    page.on("request", (request) => {
      if (!request.url().startsWith("data:")) asked.add(new URL(request.url()).origin);
    });
    await page.goto(`${server.url}docs`);
    await page.locator(".opblock").first().waitFor({ timeout: SHOWN_MS_MAX });
    const { paths } = (await send("/openapi.json")).body;
    const calls = Object.values(Object(paths)).flatMap((path) => Object.keys(Object(path)));
    expect(calls.length).toBeGreaterThan(30);
    expect(complaints).toEqual([]);
    expect(await page.locator(".opblock").count()).toBe(calls.length);
    await page.locator(".opblock-summary").first().click();
    await page.locator(".responses-table").first().waitFor({ timeout: SHOWN_MS_MAX });
    expect([...asked]).toEqual([new URL(server.url).origin]);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
}, 60_000);

function serve(app: App) {
  const server = Bun.serve({ port: 0, fetch: (request) => app.fetch(request, {}) });
  return { url: String(server.url), [Symbol.asyncDispose]: () => server.stop(true) };
}
