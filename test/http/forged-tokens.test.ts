/** Tokens that no library would sign, and whoever holds the secret of another. */
import { describe, expect, test } from "bun:test";
import { outcomeOf } from "#test/token-outcome";

const SECRET = "the first secret of this test, 32 bytes and more";
const OTHER = "another secret of this test, 32 bytes and more";
const HASHES = ["sha256", "sha384", "sha512"] as const;
type Hash = (typeof HASHES)[number];
const HS256 = { alg: "HS256" };
const ADMIN = { sub: "s", role: "admin", exp: 4_000_000_000 };

/** What no library would sign: the header and the claims as they are, under an HMAC of ours. */
function handmade(header: object, claims: unknown, hash: Hash = "sha256", secret = SECRET): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part(header)}.${part(claims)}`;
  return `Bearer ${text}.${new Bun.CryptoHasher(hash, secret).update(text).digest("base64url")}`;
}

describe("what a token says of itself", () => {
  test("is taken from one that is in order", async () => {
    expect(await outcomeOf({ secret: SECRET }, handmade(HS256, ADMIN))).toBe("admin:s");
  });

  const jwk = { kty: "oct", k: Buffer.from(OTHER).toString("base64url") };
  test.each([
    [{ alg: "none" }],
    [{ alg: "None" }],
    [{ alg: "NONE" }],
    [{ alg: "" }],
    [{}],
    [{ alg: "hs256" }],
    [{ alg: "HS384" }],
    [{ alg: "HS512" }],
    [{ alg: "RS256" }],
    [{ alg: ["HS256"] }],
    [{ alg: "HS256", crit: ["exp"] }],
    [{ alg: "HS256", crit: ["b64"], b64: false }],
    [{ alg: "HS256", enc: "A256GCM", crit: ["enc"] }],
  ])("does not choose how it is checked: %j", async (header) => {
    for (const hash of HASHES) {
      const said = await outcomeOf({ secret: SECRET }, handmade(header, ADMIN, hash));
      expect(said).toBe("token_invalid");
    }
    const [head, body] = handmade(header, ADMIN).split(".");
    expect(await outcomeOf({ secret: SECRET }, `${head}.${body}.`)).toBe("token_invalid");
  });

  test.each([
    [{ alg: "HS256", jwk }],
    [{ alg: "HS256", jku: "http://127.0.0.1:1/jwks" }],
    [{ alg: "HS256", x5u: "http://127.0.0.1:1/cert" }],
    [{ alg: "HS256", kid: "../../../../dev/null" }],
    [{ alg: "HS256", kid: "' OR 1=1 --" }],
  ])("brings no key of its own: %j", async (header) => {
    const forged = handmade(header, ADMIN, "sha256", OTHER);
    expect(await outcomeOf({ secret: SECRET }, forged)).toBe("token_invalid");
    expect(await outcomeOf({ secret: SECRET }, handmade(header, ADMIN, "sha256", ""))).toBe(
      "token_invalid",
    );
  });

  test("counts as it was signed, and not as it was changed", async () => {
    const [head, body = "", signature] = handmade(HS256, { ...ADMIN, role: "customer" }).split(".");
    const other = Buffer.from(JSON.stringify(ADMIN)).toString("base64url");
    expect(await outcomeOf({ secret: SECRET }, `${head}.${other}.${signature}`)).toBe(
      "token_invalid",
    );
    for (const text of [
      `${head}.${body}`,
      `${head}.${body}.${signature}.x`,
      `${head}..${signature}`,
    ]) {
      expect(await outcomeOf({ secret: SECRET }, text)).toBe("token_invalid");
    }
  });

  test.each([["soon"], [null], [{}], [-1]])("has no end in %j", async (exp) => {
    expect(await outcomeOf({ secret: SECRET }, handmade(HS256, { ...ADMIN, exp }))).toMatch(
      /^token_(invalid|expired)$/,
    );
  });

  test.each([[[]], [null], ["admin"], [7], [[ADMIN]]])("is no claims: %j", async (claims) => {
    expect(await outcomeOf({ secret: SECRET }, handmade(HS256, claims))).toBe("token_invalid");
  });
});
