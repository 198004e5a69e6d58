/** Who calls, by a JWT. A token is verified once; later requests with it cost one look into a map. */
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyOptions } from "jose";
import { z } from "zod";
import { importSecret } from "#http/jwt-secret";
import { Problem } from "#http/problem";
import { ROLES, type Caller } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { CustomerId } from "#inventory/model";
import type { Clock } from "#lib/clock";

export interface AuthenticatorOptions {
  /** HS256. At least one of `secret` and `jwksUrl` is needed. */
  readonly secret?: string | undefined;
  /** Still accepted while tokens change over to `secret`. */
  readonly secretPrevious?: string | undefined;
  /** RS256, ES256 and EdDSA. */
  readonly jwksUrl?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Epoch milliseconds. */
  readonly clock: Clock;
}

export interface Authenticator {
  /** The caller, if this very header was verified before and still holds. */
  cached(authorization: string | undefined): Caller | undefined;
  /** Verifies it; rejects with `token_missing`, `token_invalid`, `token_expired`, `role_required`. */
  verify(authorization: string | undefined): Promise<Caller>;
  /** For how many ms its caller need not be asked again; rejects as `verify` does once it is over. */
  holdsFor(authorization: string | undefined): Promise<number>;
}

/** A token's beginning, where the issuer's clock is a little ahead. Its end is exact. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** Verified tokens kept, about a kilobyte each. */
const CACHE_TOKENS_MAX = 50_000;
/** A key that was withdrawn stops counting after this, however long its tokens live. */
const CACHE_MS_MAX = 300_000;
/** A header is at most 16 KiB; what we would keep stays well below. */
const TOKEN_LENGTH_MAX = 4096;
const JWKS_TIMEOUT_MS = 2000;
const JWKS_COOLDOWN_MS = 30_000;
/** Keys are fetched again after this: with CACHE_MS_MAX, a withdrawn one counts for ten minutes. */
const JWKS_CACHE_MS_MAX = 300_000;

const SECRET_ALGORITHMS = ["HS256"];
const PUBLIC_ALGORITHMS = ["RS256", "ES256", "EdDSA"];

const Claims = z.object({ sub: CustomerId.optional(), userId: CustomerId.optional() });
const RoleClaim = z.object({ role: z.enum(ROLES) });

type Verifier = (token: string) => Promise<JWTPayload>;

/** Imports the keys once. Throws on a weak secret, or when there is nothing to verify with. */
export async function createAuthenticator(options: AuthenticatorOptions): Promise<Authenticator> {
  const { clock } = options;
  const verifiers = await verifiersOf(options);
  if (verifiers.size === 0) throw new Error("tokens need a secret or a JWKS URL");
  const known = new Map<string, { caller: Caller; until: number }>();

  const entryOf = (authorization: string | undefined) => {
    const entry = authorization === undefined ? undefined : known.get(authorization);
    return entry !== undefined && clock.now() < entry.until ? entry : undefined;
  };
  const verify = async (authorization: string | undefined) => {
    const token = tokenOf(authorization);
    const claims = await claimsOf(verifiers, token);
    const expiresMs = (claims.exp ?? 0) * 1000;
    if (clock.now() >= expiresMs) throw expired();
    const caller = callerOf(claims);
    if (known.size >= CACHE_TOKENS_MAX) forgetOldest(known);
    const until = Math.min(expiresMs, clock.now() + CACHE_MS_MAX);
    const entry = { caller, until };
    if (authorization !== undefined) known.set(authorization, entry);
    return entry;
  };

  return {
    cached: (authorization) => entryOf(authorization)?.caller,
    verify: async (authorization) => (await verify(authorization)).caller,
    holdsFor: async (authorization) => {
      const { until } = entryOf(authorization) ?? (await verify(authorization));
      return until - clock.now();
    },
  };
}

/** By algorithm: a token never chooses what kind of key it is checked with. */
async function verifiersOf(options: AuthenticatorOptions): Promise<Map<string, Verifier>> {
  const verifiers = new Map<string, Verifier>();
  const { secret, secretPrevious, jwksUrl } = options;
  if (secret !== undefined) {
    const secrets = secretPrevious === undefined ? [secret] : [secret, secretPrevious];
    const keys = await Promise.all(secrets.map((text) => importSecret(text, "verify")));
    const verifier = secretVerifier(keys, rulesOf(options, SECRET_ALGORITHMS));
    for (const algorithm of SECRET_ALGORITHMS) verifiers.set(algorithm, verifier);
  }
  if (jwksUrl !== undefined) {
    const keys = createRemoteJWKSet(new URL(jwksUrl), {
      timeoutDuration: JWKS_TIMEOUT_MS,
      cooldownDuration: JWKS_COOLDOWN_MS,
      cacheMaxAge: JWKS_CACHE_MS_MAX,
    });
    const rules = rulesOf(options, PUBLIC_ALGORITHMS);
    const verifier: Verifier = async (token) => (await jwtVerify(token, keys, rules)).payload;
    for (const algorithm of PUBLIC_ALGORITHMS) verifiers.set(algorithm, verifier);
  }
  return verifiers;
}

function rulesOf(options: AuthenticatorOptions, algorithms: string[]): JWTVerifyOptions {
  const { issuer, audience } = options;
  return {
    algorithms,
    requiredClaims: ["exp"],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
}

function secretVerifier(keys: readonly CryptoKey[], rules: JWTVerifyOptions): Verifier {
  return async (token) => {
    let failure: unknown;
    for (const key of keys) {
      try {
        return (await jwtVerify(token, key, rules)).payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
        failure = error;
      }
    }
    throw failure;
  };
}

function tokenOf(authorization: string | undefined): string {
  const challenge = { headers: { "www-authenticate": 'Bearer realm="holdfast"' } };
  if (authorization === undefined) {
    throw new Problem("token_missing", "the Authorization header is missing", challenge);
  }
  const [, token] = /^Bearer +([^\s]+) *$/i.exec(authorization) ?? [];
  if (token === undefined) {
    throw new Problem("token_missing", "the Authorization header has no bearer token", challenge);
  }
  if (token.length > TOKEN_LENGTH_MAX) throw rejected("token_invalid", "the token is too long");
  return token;
}

async function claimsOf(verifiers: Map<string, Verifier>, token: string): Promise<JWTPayload> {
  const verifier = verifiers.get(algorithmOf(token));
  if (verifier === undefined) throw rejected("token_invalid", "the token's algorithm is not ours");
  try {
    return await verifier(token);
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw expired();
    const invalid = error instanceof errors.JOSEError && !isKeySetAway(error);
    if (invalid) throw rejected("token_invalid", "the token could not be verified");
    throw new Fault("overloaded", "the keys that verify tokens cannot be reached", {
      cause: error,
    });
  }
}

function algorithmOf(token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? "none";
  } catch {
    throw rejected("token_invalid", "the token is not a JWT");
  }
}

/** The key server's failure is not the caller's: its token may be good. */
function isKeySetAway(error: errors.JOSEError): boolean {
  // jose has no class of its own for an answer that is not 200, or not JSON.
  return error instanceof errors.JWKSTimeout || error.code === errors.JOSEError.code;
}

function callerOf(claims: JWTPayload): Caller {
  const parsed = Claims.safeParse(claims);
  const subject = parsed.data?.sub ?? parsed.data?.userId;
  if (subject === undefined) {
    throw rejected(
      "token_invalid",
      "the token needs a sub or userId of 1-128 printable characters",
    );
  }
  const { data } = RoleClaim.safeParse(claims);
  if (data === undefined) {
    throw new Problem("role_required", `the token's role must be one of ${ROLES.join(", ")}`);
  }
  return { role: data.role, subject };
}

function expired(): Problem {
  return rejected("token_expired", "the token expired");
}

/** RFC 6750, section 3.1. */
function rejected(code: "token_invalid" | "token_expired", message: string): Problem {
  const challenge = `Bearer realm="holdfast", error="invalid_token", error_description="${message}"`;
  return new Problem(code, message, { headers: { "www-authenticate": challenge } });
}

/** A Map keeps the order of insertion: the first key is the oldest. */
function forgetOldest(known: Map<string, unknown>): void {
  const [oldest] = known.keys();
  if (oldest !== undefined) known.delete(oldest);
}
