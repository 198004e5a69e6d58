/** What each customer has under limits of records, against what holds and sales of the ledger add up to. */
import { campaignRule, type Campaign } from "#inventory/campaigns";
import type { KeptLimit, LimitWindow, RecordedRule } from "#inventory/limit-ports";
import type { LeftOutReason } from "#inventory/reconcile-ports";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import { LOOKS_MAX, settle, type Comparison } from "#workers/reconcile/comparison";
import { doubtOf, unless } from "#workers/reconcile/doubt";
import {
  compared,
  COUNTS_MENDED,
  COUNTS_TOLD,
  rememberedAll,
  type Differing,
} from "#workers/reconcile/limits";
import { tellUnreadable } from "#workers/reconcile/unreadable";

const HOUR_MS = 3_600_000;

/** A limit and the window that it has at the moment of the ledger's last movement. */
interface Checked extends RecordedRule {
  /** As a difference calls it. */
  readonly name: string;
  windowAt(lastAt: number): Window;
}
interface Window extends LimitWindow {
  /** What was made before does not count (ms). */
  readonly since: number;
}

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
    if (typeof found === "string") await tellUnreadable(run, partition, found);
    else {
      await checkIndex(run, partition, found.isIndexed);
      for (const limit of found.limits) await checkLimit(run, partition, ofName(limit), doubtful);
    }
    const campaigns = await run.stock.limitedCampaigns(partition);
    if (typeof campaigns === "string") await tellUnreadable(run, partition, campaigns);
    else {
      for (const rule of campaigns.flatMap(ofCampaign)) {
        await checkLimit(run, partition, rule, doubtful);
      }
    }
  }
}

function ofName(limit: KeptLimit): Checked {
  const { limitId, products, counts, text, windowHours } = limit;
  return {
    kind: "limit",
    recordId: limitId,
    text,
    rule: limitId,
    products,
    counts,
    name: `the limit ${limitId}`,
    windowAt(lastAt) {
      const window = windowOf(windowHours, lastAt);
      const beganAt = (window.endsAt ?? 0) - (windowHours ?? 0) * HOUR_MS;
      return { ...window, since: Math.max(limit.since, beganAt) };
    },
  };
}

/** Of each of its products; it has one window, which ends where nobody takes of it any more. */
function ofCampaign(campaign: Campaign & { readonly text: string }): Checked[] {
  const { campaignId, text, startsAt, limitSince, stoppedAt, endsAt } = campaign;
  const since = Math.max(startsAt, limitSince ?? 0);
  const overAt = stoppedAt ?? endsAt;
  return campaign.products.map(({ productId }) => {
    return {
      kind: "campaign",
      recordId: campaignId,
      text,
      rule: campaignRule(campaignId, productId),
      products: [productId],
      counts: "taken",
      name: `the limit of campaign ${campaignId} for ${productId}`,
      // Once it is over nothing counts, wherever the clock of this process stands.
      windowAt: (lastAt) => ({ name: "always", endsAt: overAt <= lastAt ? 0 : overAt, since }),
    };
  });
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
  rule: Checked,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  await run.goOn();
  const isDoubtful = (id: string): boolean => doubtful.has(id);
  if (rule.products === "all" ? doubtful.size > 0 : rule.products.some(isDoubtful)) {
    run.findings.leaveOut(partition, rule.rule, "in_doubt");
    return;
  }
  let why: LeftOutReason = "busy";
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const before = await run.ledger.forgotten();
    const differing = await looked(run, partition, rule);
    if (differing === null) {
      why = "busy";
      continue;
    }
    if (differing === "put_away") {
      run.findings.leaveOut(partition, rule.rule, differing);
      return;
    }
    if (!(await rememberedAll(run, before))) {
      why = "forgetting";
      continue;
    }
    const { counts, window, seq } = differing;
    if (counts.length === 0) return;
    const doubt = await doubtOf(run, partition, doubtful);
    const told = (side: "redis" | "ledger"): string =>
      counts
        .slice(0, COUNTS_TOLD)
        .map((count) => `${count.field}: ${count[side]}`)
        .join(", ");
    const cause = `under ${rule.name} ${counts.length} counts of customers are others`;
    const found = { ...base(partition), redis: told("redis"), ledger: told("ledger"), cause };
    const units = counts
      .slice(0, COUNTS_MENDED)
      .map(({ field, ledger }) => [field, ledger] as const);
    const repair = { side: "named_limit" as const, partition, rule, window, seq, units };
    await settle(run, unless(doubt.ofCounts ?? aside(run, partition), { found, repair }));
    return;
  }
  run.findings.leaveOut(partition, rule.rule, why);
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
  rule: Checked,
): Promise<Looked | "put_away" | null> {
  const { stock, ledger } = run;
  const { lastAt, openedAt } = await ledger.limitTimes(partition);
  const window = rule.windowAt(lastAt);
  const nothing = { counts: [], window, seq: 0 };
  const isPutAway = openedAt !== null && openedAt >= window.since && rule.counts === "taken";
  // What an ended window counted is missed by nobody, and its key may be gone.
  if (window.endsAt !== null && window.endsAt <= Date.now()) return nothing;
  if (isPutAway) return "put_away";
  const stored = await stock.recordedLimit(partition, rule, window);
  if (stored === null) return null;
  if (typeof stored.counts === "string") {
    await tellUnreadable(run, partition, stored.counts);
    return nothing;
  }
  await run.follow(partition, stored.at.seq);
  const known: CustomerUnits[] = [];
  const asked = { productIds: [], limitIds: [rule.rule] };
  await ledger.limits(partition, asked, (part) => void known.push(...part));
  const after = await stock.recordedLimit(partition, rule, window);
  if (after?.seq !== stored.seq || known.some((row) => row.window !== window.name)) return null;
  return { counts: compared(stored.counts, known), window, seq: stored.seq };
}

function windowOf(windowHours: number | null, at: number): LimitWindow {
  if (windowHours === null) return { name: "always", endsAt: null };
  const ms = windowHours * HOUR_MS;
  const number = Math.floor(at / ms);
  return { name: String(number), endsAt: (number + 1) * ms };
}
