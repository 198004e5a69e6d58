/** ETag, If-None-Match and If-Match (RFC 9110, section 13.1) over a version. */
import { invalid } from "#http/problem";
import { DEFAULT_RULE, type Product } from "#inventory/model";

/** The version as a strong validator. */
export function etagOf(seq: number): string {
  return `"${seq}"`;
}

/**
 * The version of a product and, where the registry says something of its locations, a hash of that:
 * what it says changes what is available, and not the product's version.
 */
export function productEtag({ seq, levels }: Product): string {
  const { active, priority } = DEFAULT_RULE;
  const isRuled = levels.some((level) => level.active !== active || level.priority !== priority);
  if (!isRuled) return etagOf(seq);
  const rules = levels.map((level) => `${level.active} ${level.priority}`).join();
  return `"${seq}.${Bun.hash.crc32(rules).toString(16)}"`;
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
  const [, digits] = /^"(\d{1,15})(?:\.[0-9a-f]{1,8})?"$/.exec(ifMatch.trim()) ?? [];
  if (digits === undefined) throw invalid("If-Match", "must be one ETag that an answer carried");
  return Number(digits);
}
