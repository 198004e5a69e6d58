/** 401: who calls is not known. Its answer says how to say it (RFC 9110, 15.5.2). */
import { Refused } from "#companions/shell/app";

const REALM = 'realm="shop"';
export const CHALLENGES = {
  bearer: `Bearer ${REALM}`,
  /** RFC 6750, 3.1. */
  badBearer: `Bearer ${REALM}, error="invalid_token"`,
  basic: `Basic ${REALM}`,
  signature: `Signature ${REALM}`,
} as const;

export const notKnown = (
  challenge: keyof typeof CHALLENGES,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): Refused => new Refused(401, message, fields, { "www-authenticate": CHALLENGES[challenge] });
