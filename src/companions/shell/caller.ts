/** Who calls, by a token of the users service. */
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { z } from "zod";
import { Refused, type ShellContext } from "#companions/shell/app";
import { notKnown } from "#companions/shell/challenge";

const ROLES = ["admin", "service", "customer"] as const;
export type Role = (typeof ROLES)[number];

const Claims = z.object({ sub: z.string(), role: z.enum(ROLES) });
export interface Caller {
  readonly subject: string;
  readonly role: Role;
}

/** Answers who calls, or refuses: without a token 401, with another role 403. */
export type Demand = (c: ShellContext, roles: readonly Role[]) => Promise<Caller>;

export interface DemandOptions {
  /** Where the users service publishes its keys. */
  readonly jwksUrl: string;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Outside production: who brings no token may do what an admin may. */
  readonly isOpen: boolean;
}

const ANYBODY: Caller = { subject: "anybody", role: "admin" };
const JWKS_TIMEOUT_MS = 2_000;

export function createDemand({ jwksUrl, issuer, audience, isOpen }: DemandOptions): Demand {
  const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS });
  const wanted = {
    algorithms: ["RS256"],
    requiredClaims: ["exp", "sub"],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  return async (c, roles) => {
    const header = c.req.header("authorization");
    if (header === undefined && isOpen) return ANYBODY;
    const [, token] = /^Bearer (\S+)$/i.exec(header ?? "") ?? [];
    if (token === undefined) throw notKnown("bearer", "a token is needed");
    const { sub, role } = await claimsOf(token);
    if (!roles.includes(role)) throw new Refused(403, `this is for ${roles.join(" and ")}`);
    return { subject: sub, role };
  };

  async function claimsOf(token: string) {
    let payload: unknown;
    try {
      ({ payload } = await jwtVerify(token, keys, wanted));
    } catch (error) {
      if (error instanceof errors.JOSEError && !isKeySetAway(error)) {
        throw notKnown("badBearer", "this token is not valid, or has run out");
      }
      throw new Refused(503, "the users service, which knows the keys, is away");
    }
    const claims = Claims.safeParse(payload);
    if (!claims.success) throw new Refused(403, "this token has no role");
    return claims.data;
  }
}

/** jose has no class of its own for an answer that is not 200, or not JSON; JSON that has no keys is one, too. */
const isKeySetAway = (error: errors.JOSEError): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  error.code === errors.JOSEError.code;
