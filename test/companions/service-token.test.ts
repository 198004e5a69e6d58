/** The token that a service of the shop signs in with for itself. */
import { expect, test } from "bun:test";
import { createServiceToken } from "#companions/shell/service-token";
import { until } from "#test/until";

/** A users service that answers what it is told to, and counts. */
function standIn(answer: (asked: number) => Response | Promise<Response>) {
  let asked = 0;
  const server = Bun.serve({ port: 0, fetch: () => answer((asked += 1)) });
  const options = { usersUrl: server.url.origin, clientId: "one", clientSecret: "secret" };
  return {
    token: createServiceToken(options),
    asked: () => asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
const granted = (token: string, seconds: number) =>
  Response.json({ access_token: token, expires_in: seconds });

test("one token is asked for however many need it, and it is used while it is good", async () => {
  await using users = standIn((asked) => granted(`t${asked}`, 3_600));
  const tokens = await Promise.all(Array.from({ length: 20 }, () => users.token()));
  expect(new Set([...tokens, await users.token()])).toEqual(new Set(["t1"]));
  expect(users.asked()).toBe(1);
});

test("a token is used for four fifths of its own life, which begins before it comes", async () => {
  await using users = standIn(async (asked) => {
    if (asked > 1) return granted(`t${asked}`, 3_600);
    const late = performance.now() + 60;
    await until(() => performance.now() > late, { withinMs: 5_000, what: "it is late" });
    return granted("t1", 0.05);
  });
  // It had run out when it came: whoever comes next asks anew, and the next one's life is its own.
  expect(await users.token()).toBe("t1");
  expect(await users.token()).toBe("t2");
  expect(await users.token()).toBe("t2");
  expect(users.asked()).toBe(2);
});

test("where none comes it is asked for again, and whoever waited hears so", async () => {
  await using users = standIn((asked) =>
    asked === 1 ? new Response("", { status: 503 }) : granted(`t${asked}`, 3_600),
  );
  const first = await Promise.allSettled([users.token(), users.token()]);
  expect(first.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(users.asked()).toBe(1);
  await until(async () => (await users.token()) === "t2", {
    withinMs: 5_000,
    what: "one is there",
  });
});
