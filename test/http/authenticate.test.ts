import { afterAll, afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from "jose";
import { importSecret } from "#http/jwt-secret";
import { createAuthenticator } from "#http/middleware/authenticate";
import { issueToken } from "#http/token";
import { systemClock } from "#lib/clock";
import { openApp } from "#test/http-app";
import { outcomeOf } from "#test/token-outcome";

const SECRET = "the first secret of this test, 32 bytes and more";
const OTHER = "another secret of this test, 32 bytes and more";
const clock = systemClock;

async function signed(claims: JWTPayload, secret = SECRET, seconds: number | null = 60) {
  const token = new SignJWT(claims).setProtectedHeader({ alg: "HS256" });
  if (seconds !== null) token.setExpirationTime(Math.floor(Date.now() / 1000) + seconds);
  return `Bearer ${await token.sign(await importSecret(secret, "sign"))}`;
}

describe("the subject", () => {
  const secret = SECRET;
  test.each([
    [{ sub: "s", userId: "u" }, "admin:s"],
    [{ userId: "u" }, "admin:u"],
    [{ sub: "x".repeat(128) }, `admin:${"x".repeat(128)}`],
    [{}, "token_invalid"],
    [{ sub: "" }, "token_invalid"],
    [{ sub: "", userId: "u" }, "token_invalid"],
    [{ sub: "x".repeat(129) }, "token_invalid"],
    [{ sub: "a\nb" }, "token_invalid"],
    [{ userId: 7 }, "token_invalid"],
    [{ userId: null }, "token_invalid"],
  ])("of %j is %s", async (claims, expected) => {
    expect(await outcomeOf({ secret }, await signed({ role: "admin", ...claims }))).toBe(expected);
  });
});

describe("the role", () => {
  test.each([
    {},
    { role: "" },
    { role: "Admin" },
    { role: "root" },
    { role: 1 },
    { role: ["admin"] },
  ])("of %j is none of ours", async (claims) => {
    const token = await signed({ sub: "s", ...claims });
    expect(await outcomeOf({ secret: SECRET }, token)).toBe("role_required");
  });
});

describe("the time", () => {
  test("must be limited: a token without exp is refused", async () => {
    const token = await signed({ sub: "s", role: "admin" }, SECRET, null);
    expect(await outcomeOf({ secret: SECRET }, token)).toBe("token_invalid");
  });

  test.each([
    [2, "admin:s"],
    [0, "token_expired"],
    [-1, "token_expired"],
    [-60, "token_expired"],
  ])("ends it to the second: %i s before its end it is %s", async (seconds, expected) => {
    const token = await signed({ sub: "s", role: "admin" }, SECRET, seconds);
    expect(await outcomeOf({ secret: SECRET }, token)).toBe(expected);
  });

  test.each([
    [2, "admin:s"],
    [60, "token_invalid"],
  ])("begins it %i s from now, as an issuer whose clock is ahead says: %s", async (ahead, said) => {
    const nbf = Math.floor(Date.now() / 1000) + ahead;
    const token = await signed({ sub: "s", role: "admin", nbf });
    expect(await outcomeOf({ secret: SECRET }, token)).toBe(said);
  });
});

test("a token longer than we would keep is refused, however valid", async () => {
  for (const length of [4096, 8192]) {
    const token = await signed({ sub: "s", role: "admin", padding: "x".repeat(length) });
    expect(await outcomeOf({ secret: SECRET }, token)).toBe("token_invalid");
  }
});

describe("the secret", () => {
  test("before this one still counts while it is configured, and not after", async () => {
    const token = await signed({ sub: "s", role: "admin" }, OTHER);
    const both = { secret: SECRET, secretPrevious: OTHER };
    expect(await outcomeOf(both, token)).toBe("admin:s");
    expect(await outcomeOf(both, await signed({ sub: "t", role: "admin" }))).toBe("admin:t");
    expect(await outcomeOf({ secret: SECRET }, token)).toBe("token_invalid");
    const expired = await signed({ sub: "s", role: "admin" }, OTHER, -60);
    expect(await outcomeOf(both, expired)).toBe("token_expired");
  });

  test("must not be short, and must not be the text of a public key", async () => {
    const { publicKey } = await generateKeyPair("RS256");
    const pem = await exportSPKI(publicKey);
    for (const secret of ["x".repeat(31), "", pem]) {
      await expect(createAuthenticator({ secret, clock })).rejects.toThrow("JWT secret");
      await expect(
        issueToken({ secret, role: "admin", subject: "s", ttlSeconds: 1 }),
      ).rejects.toThrow();
    }
    await expect(createAuthenticator({ clock })).rejects.toThrow("a secret or a JWKS URL");
  });
});

describe("issuer and audience", () => {
  const rules = { secret: SECRET, issuer: "us", audience: "stock" };
  test.each([
    [{ iss: "us", aud: "stock" }, "admin:s"],
    [{ iss: "us", aud: ["x", "stock"] }, "admin:s"],
    [{ iss: "them", aud: "stock" }, "token_invalid"],
    [{ iss: "us", aud: "shop" }, "token_invalid"],
    [{ iss: "us" }, "token_invalid"],
    [{ aud: "stock" }, "token_invalid"],
  ])("of %j: %s", async (claims, expected) => {
    const token = await signed({ sub: "s", role: "admin", ...claims });
    expect(await outcomeOf(rules, token)).toBe(expected);
  });

  test("are what issueToken writes", async () => {
    const token = await issueToken({
      ...rules,
      role: "service",
      subject: "orders",
      ttlSeconds: 60,
    });
    expect(await outcomeOf(rules, `Bearer ${token}`)).toBe("service:orders");
  });
});

const pairs = await Promise.all(
  ["RS256", "ES256", "EdDSA"].map(async (alg) => ({
    alg,
    ...(await generateKeyPair(alg, { extractable: true })),
  })),
);
const keys = await Promise.all(
  pairs.map(async ({ alg, publicKey }) => ({ ...(await exportJWK(publicKey)), alg, kid: alg })),
);
let jwksStatus = 200;
let published = keys;
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => Response.json({ keys: published }, { status: jwksStatus }),
});
afterAll(() => server.stop(true));
const jwksUrl = `http://127.0.0.1:${server.port}/jwks`;

describe("public keys", () => {
  test.each(pairs)("of $alg are fetched and used", async ({ alg, privateKey }) => {
    const token = await new SignJWT({ sub: "s", role: "admin" })
      .setProtectedHeader({ alg, kid: alg })
      .setExpirationTime("1m")
      .sign(privateKey);
    expect(await outcomeOf({ jwksUrl }, `Bearer ${token}`)).toBe("admin:s");
    expect(await outcomeOf({ jwksUrl, secret: SECRET }, `Bearer ${token}`)).toBe("admin:s");
    expect(await outcomeOf({ secret: SECRET }, `Bearer ${token}`)).toBe("token_invalid");
  });

  test("never serve as the secret of an HS256 token", async () => {
    for (const { alg, publicKey } of pairs) {
      const pem = new TextEncoder().encode(await exportSPKI(publicKey));
      const forged = await new SignJWT({ sub: "s", role: "admin" })
        .setProtectedHeader({ alg: "HS256", kid: alg })
        .setExpirationTime("1m")
        .sign(pem);
      expect(await outcomeOf({ jwksUrl }, `Bearer ${forged}`)).toBe("token_invalid");
      expect(await outcomeOf({ jwksUrl, secret: SECRET }, `Bearer ${forged}`)).toBe(
        "token_invalid",
      );
    }
  });

  test("that nobody published do not count", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    for (const kid of ["ES256", "unknown"]) {
      const token = await new SignJWT({ sub: "s", role: "admin" })
        .setProtectedHeader({ alg: "ES256", kid })
        .setExpirationTime("1m")
        .sign(privateKey);
      expect(await outcomeOf({ jwksUrl }, `Bearer ${token}`)).toBe("token_invalid");
    }
  });

  test("that cannot be fetched make the call worth repeating, not the token bad", async () => {
    const [pair] = pairs;
    if (pair === undefined) throw new Error("no keys were made");
    const token = await new SignJWT({ sub: "s", role: "admin" })
      .setProtectedHeader({ alg: pair.alg, kid: pair.alg })
      .setExpirationTime("1m")
      .sign(pair.privateKey);
    jwksStatus = 500;
    expect(await outcomeOf({ jwksUrl }, `Bearer ${token}`)).toBe("overloaded");
    jwksStatus = 200;
    const away = { jwksUrl: "http://127.0.0.1:1/jwks" };
    expect(await outcomeOf(away, `Bearer ${token}`)).toBe("overloaded");
  });
});

describe("keys that change over", () => {
  afterEach(() => {
    published = keys;
    setSystemTime();
  });

  test("count from when they are published, and no longer than ten minutes after", async () => {
    const [old, next] = pairs;
    if (old === undefined || next === undefined) throw new Error("no keys were made");
    const tokenOf = async ({ alg, privateKey }: (typeof pairs)[number]): Promise<string> => {
      const token = new SignJWT({ sub: alg, role: "admin" });
      token.setProtectedHeader({ alg, kid: alg }).setExpirationTime("1h");
      return `Bearer ${await token.sign(privateKey)}`;
    };
    const [first, second] = [await tokenOf(old), await tokenOf(next)];
    const startedAt = Date.now();
    const after = (ms: number): void => void setSystemTime(new Date(startedAt + ms));
    const auth = await createAuthenticator({ jwksUrl, clock });
    const says = async (header: string): Promise<boolean> =>
      auth.cached(header) !== undefined ||
      (await auth.verify(header).then(
        () => true,
        () => false,
      ));

    published = keys.filter(({ kid }) => kid === old.alg);
    expect([await says(first), await says(second)]).toEqual([true, false]);
    published = keys.filter(({ kid }) => kid === next.alg);
    after(31_000);
    expect(await says(second)).toBe(true);
    after(601_000);
    expect([await says(first), await says(second)]).toEqual([false, true]);
  });
});

describe("a verified token", () => {
  test("is known by its whole header until it expires", async () => {
    let now = Date.now();
    const auth = await createAuthenticator({ secret: SECRET, clock: { now: () => now } });
    const header = await signed({ sub: "s", role: "admin" });
    expect(auth.cached(header)).toBeUndefined();
    const caller = await auth.verify(header);
    expect(auth.cached(header)).toEqual(caller);
    expect(auth.cached(`${header}x`)).toBeUndefined();
    expect(auth.cached(undefined)).toBeUndefined();
    now += 58_000;
    expect(auth.cached(header)).toEqual(caller);
    now += 2000;
    expect(auth.cached(header)).toBeUndefined();
  });

  test("is verified again after five minutes, however long it lives", async () => {
    let now = Date.now();
    const auth = await createAuthenticator({ secret: SECRET, clock: { now: () => now } });
    const header = await signed({ sub: "s", role: "admin" }, SECRET, 3600);
    await auth.verify(header);
    now += 299_000;
    expect(auth.cached(header)).toBeDefined();
    now += 2000;
    expect(auth.cached(header)).toBeUndefined();
  });

  test("gives its own caller its own rights when many are in use", async () => {
    const { send } = openApp();
    const roles = ["admin", "service", "customer"] as const;
    const answers = await Promise.all(
      roles.flatMap((as) => {
        const path = "/api/inventory/cleanup-expired";
        return [send(path, { method: "POST", as }), send(path, { method: "POST", as })];
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 403, 403, 403]);
  });
});
