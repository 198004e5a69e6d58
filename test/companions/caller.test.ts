/** Who calls a companion: what is said to callers who are not known, and while nobody can tell. */
import { afterAll, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createShell } from "#companions/shell/app";
import { createDemand } from "#companions/shell/caller";
import { createLog } from "#lib/log";

const { publicKey, privateKey } = await generateKeyPair("RS256");
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256" }] };
const token = await new SignJWT({ role: "customer" })
  .setProtectedHeader({ alg: "RS256", kid: "k" })
  .setSubject("c1")
  .setExpirationTime("1h")
  .sign(privateKey);

let answer = (): Response => Response.json(keys);
const users = Bun.serve({ port: 0, fetch: () => answer() });
afterAll(() => users.stop(true));

/** As a service that has just started: it has no keys yet. */
async function asked(authorization?: string): Promise<Response> {
  const demand = createDemand({ jwksUrl: users.url.href, isOpen: false });
  const log = createLog({ level: "error", format: "text" });
  const isReady = () => Promise.resolve(null);
  const app = createShell({ name: "Test", version: "1", log, isReady, isAway: () => false });
  app.get("/who", async (c) => c.json(await demand(c, ["customer"])));
  return await app.request("/who", {
    headers: authorization === undefined ? {} : { authorization },
  });
}

test("who is known by a token is told apart from who is not, and is told how to say it", async () => {
  expect((await asked(`Bearer ${token}`)).status).toBe(200);
  const bare = await asked();
  expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="shop"']);
  for (const wrong of ["x.y.z", `${token.slice(0, -8)}AAAAAAAA`]) {
    const bad = await asked(`Bearer ${wrong}`);
    expect([bad.status, bad.headers.get("www-authenticate")]).toEqual([
      401,
      'Bearer realm="shop", error="invalid_token"',
    ]);
  }
});

test.each<[what: string, answer: () => Response]>([
  ["says that it is away", () => new Response("", { status: 503 })],
  ["answers what is no JSON", () => new Response("<html>")],
])("while the users service %s, no token is called bad", async (_what, away) => {
  const before = answer;
  answer = away;
  const heard = await asked(`Bearer ${token}`);
  answer = before;
  expect([heard.status, heard.headers.get("retry-after")]).toEqual([503, "1"]);
});
