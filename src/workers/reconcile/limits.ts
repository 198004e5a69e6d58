/** What each customer has of products with a limit, against what holds and sales of the ledger add up to. */
import { customerField, HOLDS_FIELD } from "#inventory/limits";
import { PSEUDONYM_BEGINS } from "#inventory/pseudonymize";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import { LOOKS_MAX, settle, type Comparison } from "#workers/reconcile/comparison";
import { unless, type Doubt } from "#workers/reconcile/doubt";
import { tellUnreadable } from "#workers/reconcile/unreadable";

/** Counts that one difference names in words, and that one repair sets; the next comparison goes on. */
export const COUNTS_TOLD = 20;
export const COUNTS_MENDED = 500;

/** What both sides say of one customer. */
export interface Differing {
  readonly field: string;
  readonly redis: number;
  readonly ledger: number;
}
interface Found {
  readonly productId: string;
  readonly productSeq: number;
  readonly counts: readonly Differing[];
}

/**
 * Of products that both sides say have a limit. One that never stands still between two looks, as at the
 * height of a sale, is left for the next comparison, and so is one whose movements are no longer all there: the
 * report names it.
 */
export async function compareLimits(
  run: Comparison,
  partition: number,
  productIds: readonly string[],
  doubt: Doubt,
  isDoubtful: (productId: string) => boolean,
): Promise<void> {
  if (productIds.length === 0) return;
  const unsure = new Set(await run.ledger.unsureLimits(productIds));
  const sure = productIds.filter((id) => {
    const why = isDoubtful(id) || doubt.hasProduct(id) ? "in_doubt" : "put_away";
    const isSure = why === "put_away" && !unsure.has(id);
    if (!isSure) run.findings.leaveOut(partition, ruleOf(id), why);
    return isSure;
  });
  for (const { productId, productSeq, counts } of await differing(run, partition, sure)) {
    const told = (side: "redis" | "ledger") =>
      counts
        .slice(0, COUNTS_TOLD)
        .map((count) => `${count.field}: ${count[side]}`)
        .join(", ");
    const base = { partition, productId, location: null, reservationId: null };
    const cause = `${counts.length} customers have other units than are counted`;
    const units = counts
      .slice(0, COUNTS_MENDED)
      .map(({ field, ledger }) => [field, ledger] as const);
    const found = { ...base, kind: "limit" as const, cause };
    const repair = { side: "limit" as const, partition, productId, productSeq, units };
    await settle(
      run,
      unless(doubt.ofCounts, {
        found: { ...found, redis: told("redis"), ledger: told("ledger") },
        repair,
      }),
    );
  }
}

const ruleOf = (productId: string): string => `product:${productId}`;

/** What differs where a product stood still while both sides were read. */
async function differing(
  run: Comparison,
  partition: number,
  productIds: readonly string[],
): Promise<readonly Found[]> {
  const found: Found[] = [];
  let left = productIds;
  for (let look = 0; look < LOOKS_MAX && left.length > 0; look += 1) {
    const { stock, ledger } = run;
    const stored = await Promise.all(left.map((productId) => stock.limit(partition, productId)));
    await run.follow(partition, Math.max(...stored.map((one) => one?.at.seq ?? 0)));
    const known: CustomerUnits[] = [];
    const asked = { productIds: left, limitIds: [] };
    await ledger.limits(partition, asked, (part) => void known.push(...part));
    const byProduct = Map.groupBy(known, ({ rule }) => rule.replace(/^product:/, ""));
    // What the ledger says is of the moment of that look where the product has not moved meanwhile.
    const { found: after } = await stock.products(partition, left);
    const moving: string[] = [];
    for (const [i, productId] of left.entries()) {
      const { productSeq = null, counts: own } = stored[i] ?? {};
      if (productSeq === null || own === undefined || after[i]?.seq !== productSeq) {
        moving.push(productId);
        continue;
      }
      if (typeof own === "string") {
        await tellUnreadable(run, partition, own);
        continue;
      }
      const counts = compared(own, byProduct.get(productId) ?? []);
      if (counts.length > 0) found.push({ productId, productSeq, counts });
    }
    left = moving;
    await run.goOn();
  }
  for (const productId of left) run.findings.leaveOut(partition, ruleOf(productId), "busy");
  return found;
}

/**
 * A customer that became a pseudonym stands in Redis under its old id, which nobody knows any more; what it
 * bought under that id since stands there beside it.
 */
export function compared(
  stored: ReadonlyMap<string, number>,
  known: readonly CustomerUnits[],
): Differing[] {
  const ledger = new Map<string, number>();
  const forgotten: number[] = [];
  for (const { customerId, units, holds } of known) {
    const field = customerField(customerId);
    if (holds > 0) ledger.set(`${field}${HOLDS_FIELD}`, holds);
    if (customerId.startsWith(PSEUDONYM_BEGINS) && !stored.has(field)) forgotten.push(units);
    else ledger.set(field, units);
  }
  return [...new Set([...stored.keys(), ...ledger.keys()])].toSorted().flatMap((field) => {
    const counts = { field, redis: stored.get(field) ?? 0, ledger: ledger.get(field) ?? 0 };
    if (counts.redis === counts.ledger) return [];
    const at = forgotten.indexOf(counts.redis - counts.ledger);
    if (at === -1) return [counts];
    forgotten.splice(at, 1);
    return [];
  });
}
