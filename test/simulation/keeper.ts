/** Who keeps the shop of one run: it sets limits on and off, and plans, stops and removes campaigns. */
import type { CampaignId, CampaignPlan } from "#inventory/campaigns";
import type { LimitTerms } from "#inventory/limit-ports";
import { Location } from "#inventory/model";
import { sleep, type Asked, type Asking } from "./callers.ts";
import { BEGINS_AT } from "./globals.ts";
import { campaign, forget, limit, noLimit, stop } from "./sale.ts";
import { productId } from "./verbs.ts";
import type { World } from "./world.ts";

const LIMIT_CHANGES_MAX = 4;
/** Until a campaign begins, and as long as it is open: both within the run. */
const LEAD_MS_MAX = 2_000;
const OPEN_MS_MAX = 4_000;
const HOLD_SECONDS_MAX = 3;
const WINDOW_HOURS = 1;
const HOME = Location.parse("default");

export interface Keeper {
  readonly world: World;
  readonly ask: (asking: Asking) => Promise<Asked>;
  readonly name: () => string;
  /** Campaigns that somebody was told of, for those who buy. */
  readonly campaigns: CampaignId[];
}

export async function keepShop(keeper: Keeper): Promise<void> {
  const { plan } = keeper.world;
  await Promise.all([
    plan.hasLimit ? keepLimits(keeper) : undefined,
    plan.hasCampaign ? keepCampaigns(keeper) : undefined,
  ]);
}

async function keepLimits({ world, ask, name }: Keeper): Promise<void> {
  const { random, plan } = world;
  const changes = random.whole(1, LIMIT_CHANGES_MAX + 1);
  await ask(limit(name(), termsIn(world)));
  for (let i = 1; i < changes; i += 1) {
    await sleep(world, (random.next() * plan.chaosMs) / changes);
    await ask(random.next() < 0.25 ? noLimit(name()) : limit(name(), termsIn(world)));
  }
}

/** What is held ends by itself, and needs no window; of live holds there are only so many. */
function termsIn({ random, plan }: World): LimitTerms {
  const counts = random.next() < 0.6 ? "taken" : "held";
  const isOfHeld = counts === "held";
  return {
    products: random.next() < 0.5 ? "all" : [productId(random.whole(1, plan.products + 1))],
    maxUnits: random.whole(3, 7),
    windowHours: !isOfHeld && random.next() < 0.4 ? WINDOW_HOURS : null,
    counts,
    maxHolds: isOfHeld && random.next() < 0.6 ? random.whole(1, 4) : null,
  };
}

async function keepCampaigns(keeper: Keeper): Promise<void> {
  const { world } = keeper;
  const { random } = world;
  await keepCampaign(keeper);
  if (random.next() < 0.3) await keepCampaign(keeper);
}

async function keepCampaign({ world, ask, name, campaigns }: Keeper): Promise<void> {
  const { random } = world;
  let last: CampaignId | null = null;
  const known = (id: CampaignId): void => {
    last = id;
    if (!campaigns.includes(id)) campaigns.push(id);
  };
  await ask(campaign(name(), planIn(world), null, known));
  const id = idOf(last);
  if (id === null) return;
  await sleep(world, random.next() * LEAD_MS_MAX);
  if (random.next() < 0.3) await ask(campaign(name(), planIn(world), id, known));
  await sleep(world, random.next() * OPEN_MS_MAX);
  if (random.next() < 0.3) await ask(stop(name(), id));
  if (random.next() < 0.5) return;
  await sleep(world, random.next() * OPEN_MS_MAX);
  await ask(forget(name(), id));
}

/** An answer may have told it meanwhile. */
const idOf = (id: CampaignId | null): CampaignId | null => id;

function planIn({ random, plan, scheduler }: World): CampaignPlan {
  const startsAt = Math.floor(BEGINS_AT + scheduler.now + random.next() * LEAD_MS_MAX);
  const count = random.whole(1, plan.products + 1);
  return {
    name: "a sale",
    location: HOME,
    startsAt,
    endsAt: startsAt + random.whole(200, OPEN_MS_MAX),
    holdSeconds: random.next() < 0.5 ? random.whole(1, HOLD_SECONDS_MAX + 1) : null,
    maxPerCustomer: null,
    products: Array.from({ length: count }, (_, i) => {
      return { productId: productId(i + 1), quantity: random.whole(1, plan.stock + 1) };
    }),
  };
}
