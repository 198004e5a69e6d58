/** What each customer has of products with a limit, against what holds and sales of the ledger add up to. */
import { customerField, HOLDS_FIELD } from "#inventory/limits";
import type { LeftOutReason } from "#inventory/reconcile-ports";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import { LOOKS_MAX, settle, type Comparison } from "#workers/reconcile/comparison";
import { unless, type Doubt } from "#workers/reconcile/doubt";
import { tellUnreadable } from "#workers/reconcile/unreadable";

/** Counts that one difference names in words, and that one repair sets; the next comparison goes on. */
export const COUNTS_TOLD = 20;
export const COUNTS_MENDED = 500;

type Forgotten = Awaited<ReturnType<Comparison["ledger"]["forgotten"]>>;
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
    const isInDoubt = isDoubtful(id) || doubt.hasProduct(id);
    if (!isInDoubt && !unsure.has(id)) return true;
    run.findings.leaveOut(partition, ruleOf(id), isInDoubt ? "in_doubt" : "put_away");
    return false;
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
  let why: LeftOutReason = "busy";
  for (let look = 0; look < LOOKS_MAX && left.length > 0; look += 1) {
    const { stock, ledger } = run;
    const before = await ledger.forgotten();
    const stored = await Promise.all(left.map((productId) => stock.limit(partition, productId)));
    await run.follow(partition, Math.max(...stored.map((one) => one?.at.seq ?? 0)));
    const known: CustomerUnits[] = [];
    const asked = { productIds: left, limitIds: [] };
    await ledger.limits(partition, asked, (part) => void known.push(...part));
    const byProduct = Map.groupBy(known, ({ rule }) => rule.replace(/^product:/, ""));
    // What the ledger says is of the moment of that look where the product has not moved meanwhile.
    const { found: after } = await stock.products(partition, left);
    if (!(await rememberedAll(run, before))) {
      why = "forgetting";
      await run.goOn();
      continue;
    }
    why = "busy";
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
  for (const productId of left) run.findings.leaveOut(partition, ruleOf(productId), why);
  return found;
}

export function compared(
  stored: ReadonlyMap<string, number>,
  known: readonly CustomerUnits[],
): Differing[] {
  const ledger = new Map<string, number>();
  for (const { customerId, units, holds } of known) {
    const field = customerField(customerId);
    ledger.set(field, units);
    if (holds > 0) ledger.set(`${field}${HOLDS_FIELD}`, holds);
  }
  return [...new Set([...stored.keys(), ...ledger.keys()])].toSorted().flatMap((field) => {
    const counts = { field, redis: stored.get(field) ?? 0, ledger: ledger.get(field) ?? 0 };
    return counts.redis === counts.ledger ? [] : [counts];
  });
}

/**
 * Whether the ledger forgot nobody between the two: else a customer stands there partly under its pseudonym, which
 * no limit counts, while Redis still counts all of it, or none.
 */
export async function rememberedAll(
  { ledger }: Pick<Comparison, "ledger">,
  before: Forgotten,
): Promise<boolean> {
  if (before.open > 0) return false;
  return (await ledger.forgotten()).asked === before.asked;
}
