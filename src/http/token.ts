import { SignJWT } from "jose";
import { importSecret } from "#http/jwt-secret";
import type { Role } from "#inventory/context";

export interface TokenOptions {
  readonly secret: string;
  readonly role: Role;
  readonly subject: string;
  readonly ttlSeconds: number;
  readonly issuer?: string;
  readonly audience?: string;
}

/** Signs an HS256 token that this service accepts. Throws on a secret it would not start with. */
export async function issueToken(options: TokenOptions): Promise<string> {
  const { secret, role, subject, ttlSeconds, issuer, audience } = options;
  const key = await importSecret(secret, "sign");
  const issuedAt = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ role })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttlSeconds);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(key);
}
