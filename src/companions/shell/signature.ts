/**
 * Calls between two of our services that nobody else may make, signed as Standard Webhooks has it
 * (https://www.standardwebhooks.com): HMAC-SHA256 over name, time and body, in three headers.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { notKnown } from "#companions/shell/challenge";

/** How far the clocks of both may be apart; what was overheard is of no use for longer. */
export const TOLERANCE_SECONDS = 300;
/** A header has one signature for each secret of the sender: two while they change. */
const SIGNATURES_MAX = 8;

export interface SignedCall {
  /** Of the message: stays the same however often it is sent. */
  readonly id: string;
  readonly body: string;
}

/** The headers of a call, signed with each secret, so that whoever knows one of them takes it. */
export function signedHeaders(
  { id, body }: SignedCall,
  secrets: readonly string[],
  now: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const signatures = secrets.map((secret) => {
    return `v1,${digestOf(secret, id, timestamp, body).toString("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

/** Refuses with 401 what was not signed with one of the secrets, just now, as it came. */
export function mustBeSigned(
  headers: { get(name: string): string | null },
  body: string,
  secrets: readonly string[],
  now: number,
): void {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const given = (headers.get("webhook-signature") ?? "").split(" ").slice(0, SIGNATURES_MAX);
  if (id === "" || !/^\d{1,15}$/.test(timestamp))
    throw notKnown("signature", "a signature is needed");
  if (Math.abs(now / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw notKnown("signature", "this was signed too long ago, or will be");
  }
  const digests = given.flatMap((signature) => {
    const [version, digest = ""] = signature.split(",");
    return version === "v1" ? [Buffer.from(digest, "base64")] : [];
  });
  // All are compared, so that the time tells nothing of which one fits.
  const fits = secrets.map((secret) => {
    const wanted = digestOf(secret, id, timestamp, body);
    return digests.filter((digest) => isSame(digest, wanted)).length > 0;
  });
  if (!fits.includes(true)) throw notKnown("signature", "the signature is not valid");
}

const isSame = (digest: Buffer, wanted: Buffer): boolean =>
  digest.length === wanted.length && timingSafeEqual(digest, wanted);

const PREFIX = "whsec_";

/** Behind the prefix a secret is base64, as the standard has it; any other text is its own bytes. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), "base64")
    : Buffer.from(secret);

const digestOf = (secret: string, id: string, timestamp: string, body: string): Buffer =>
  createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest();
