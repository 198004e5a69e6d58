/** ETag, If-None-Match and If-Match (RFC 9110, section 13.1) over a product's version. */
import { invalid } from "#http/problem";

/** The version as a strong validator. */
export function etagOf(seq: number): string {
  return `"${seq}"`;
}

/** Whether the caller has this version already; weak comparison, as reads have it. */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((given) => {
    const tag = given.trim().replace(/^W\//, "");
    return tag === etag || tag === "*";
  });
}

/** The version that `If-Match` demands; null for none or `*`. Throws `validation_failed`. */
export function expectedSeq(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === "*") return null;
  const [, digits] = /^"(\d{1,15})"$/.exec(ifMatch.trim()) ?? [];
  if (digits === undefined) throw invalid("If-Match", "must be one ETag that a product answered");
  return Number(digits);
}
