/** What each customer has under limits with a name, against what holds and sales of the ledger add up to. */
import type { KeptLimit, LimitWindow } from "#inventory/limit-ports";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import { LOOKS_MAX, settle, type Comparison } from "#workers/reconcile/comparison";
import { doubtOf, unless } from "#workers/reconcile/doubt";
import { compared, COUNTS_MENDED, COUNTS_TOLD, type Differing } from "#workers/reconcile/limits";
import { tellUnreadable } from "#workers/reconcile/unreadable";

const HOUR_MS = 3_600_000;

/**
 * Of limits whose products stand still between two looks, or, where one is over all products, while nothing
 * changes at all. Others are left for the next comparison, as is one whose movements are not all there.
 */
export async function checkNamedLimits(
  run: Comparison,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  if (run.scope.kind === "products") return;
  for (const partition of run.partitions) {
    const found = await run.stock.namedLimits(partition);
    if (typeof found === "string") {
      await tellUnreadable(run, partition, found);
      continue;
    }
    await checkIndex(run, partition, found.isIndexed);
    for (const limit of found.limits) {
      await checkLimit(run, partition, limit, doubtful);
      await run.goOn();
    }
  }
}

const base = (partition: number) => {
  return {
    kind: "limit" as const,
    partition,
    productId: null,
    location: null,
    reservationId: null,
  };
};

async function checkIndex(run: Comparison, partition: number, isIndexed: boolean): Promise<void> {
  if (isIndexed) return;
  const cause = "what is found by product is not what the limits are over";
  const found = { ...base(partition), redis: null, ledger: null, cause };
  await settle(run, { found, repair: { side: "limited", partition } });
}

async function checkLimit(
  run: Comparison,
  partition: number,
  limit: KeptLimit,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  const isDoubtful = (id: string): boolean => doubtful.has(id);
  if (limit.products === "all" ? doubtful.size > 0 : limit.products.some(isDoubtful)) return;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const differing = await looked(run, partition, limit);
    if (differing === null) continue;
    const { counts, window, seq } = differing;
    if (counts.length === 0) return;
    const doubt = await doubtOf(run, partition, doubtful);
    const told = (side: "redis" | "ledger"): string =>
      counts
        .slice(0, COUNTS_TOLD)
        .map((count) => `${count.field}: ${count[side]}`)
        .join(", ");
    const cause = `under the limit ${limit.limitId} ${counts.length} counts of customers are others`;
    const found = { ...base(partition), redis: told("redis"), ledger: told("ledger"), cause };
    const units = counts
      .slice(0, COUNTS_MENDED)
      .map(({ field, ledger }) => [field, ledger] as const);
    const repair = { side: "named_limit" as const, partition, limit, window, seq, units };
    await settle(run, unless(doubt.ofCounts ?? aside(run, partition), { found, repair }));
    return;
  }
}

/** Of what a refused movement was does not matter: it may have been of any of its products. */
const aside = ({ quarantine }: Comparison, partition: number): string | null =>
  quarantine.some((row) => row.partition === partition) ? "a movement is in quarantine" : null;

interface Looked {
  readonly counts: readonly Differing[];
  readonly window: LimitWindow;
  readonly seq: number;
}

/** null: something changed meanwhile. */
async function looked(
  run: Comparison,
  partition: number,
  limit: KeptLimit,
): Promise<Looked | null> {
  const { stock, ledger } = run;
  const { lastAt, openedAt } = await ledger.limitTimes(partition);
  const window = windowOf(limit, lastAt);
  const nothing = { counts: [], window, seq: 0 };
  const since = Math.max(limit.since, (window.endsAt ?? 0) - (limit.windowHours ?? 0) * HOUR_MS);
  const isPutAway = openedAt !== null && openedAt >= since && limit.counts === "taken";
  // What an ended window counted is missed by nobody, and its key may be gone.
  if (isPutAway || (window.endsAt !== null && window.endsAt <= Date.now())) return nothing;
  const stored = await stock.namedLimit(partition, limit, window);
  if (stored === null) return null;
  if (typeof stored.counts === "string") {
    await tellUnreadable(run, partition, stored.counts);
    return nothing;
  }
  await run.follow(partition, stored.at.seq);
  const known: CustomerUnits[] = [];
  const asked = { productIds: [], limitIds: [limit.limitId] };
  await ledger.limits(partition, asked, (part) => void known.push(...part));
  const after = await stock.namedLimit(partition, limit, window);
  if (after?.seq !== stored.seq || known.some((row) => row.window !== window.name)) return null;
  return { counts: compared(stored.counts, known), window, seq: stored.seq };
}

function windowOf({ windowHours }: KeptLimit, at: number): LimitWindow {
  if (windowHours === null) return { name: "always", endsAt: null };
  const ms = windowHours * HOUR_MS;
  const number = Math.floor(at / ms);
  return { name: String(number), endsAt: (number + 1) * ms };
}
