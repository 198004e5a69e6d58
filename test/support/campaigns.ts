/** Campaigns for tests of the store: one that is planned for a while from now. */
import { expect } from "bun:test";
import { CampaignId, type Campaign, type ScheduleCommand } from "#inventory/campaigns";
import { Location } from "#inventory/model";
import { randomId } from "#lib/ids";
import { initialize, product, reserveCommand, soon, type TestStore } from "#test/store";
import { until } from "#test/until";

type Store = TestStore["store"];

const context = { actor: "test:test" };

export function scheduleCommand(
  units: Readonly<Record<string, number>>,
  more: Partial<ScheduleCommand> = {},
): ScheduleCommand {
  return {
    campaignId: CampaignId.parse(`p0-${randomId(8)}`),
    isNew: true,
    name: "Friday",
    location: Location.parse("Warehouse A"),
    startsAt: Date.now() - 1,
    endsAt: Date.now() + 3_600_000,
    holdSeconds: null,
    maxPerCustomer: null,
    products: Object.entries(units).map(([id, quantity]) => {
      return { productId: product(id), quantity };
    }),
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** Plans one; without more, its start has come. */
export async function scheduled(
  store: Store,
  units: Readonly<Record<string, number>>,
  more: Partial<ScheduleCommand> = {},
): Promise<Campaign> {
  const outcome = await store.campaigns.schedule(scheduleCommand(units, more));
  if (outcome.kind !== "scheduled") throw new Error(`schedule answered ${outcome.kind}`);
  return outcome.campaign;
}

/** And has it started. */
export async function started(
  store: Store,
  units: Readonly<Record<string, number>>,
  more: Partial<ScheduleCommand> = {},
): Promise<Campaign> {
  const { campaignId } = await scheduled(store, units, more);
  await store.campaigns.turnDue(0);
  const campaign = await store.campaigns.one(campaignId, soon());
  if (campaign?.state !== "running") throw new Error(`the campaign is ${campaign?.state}`);
  return campaign;
}

export const campaignCommand = (campaignId: CampaignId) => {
  return { campaignId, context, operation: null, deadline: soon() };
};

/** Each refusal of a reserve that names a campaign. */
export async function refusedByCampaigns(store: Store): Promise<void> {
  await initialize(store, "p4", 9);
  await initialize(store, "p5", 9);
  const ahead = await scheduled(store, { p4: 1 }, { startsAt: Date.now() + 1_800_000 });
  const stopped = await started(store, { p4: 1 });
  await store.campaigns.stop(campaignCommand(stopped.campaignId));
  const endsAt = Date.now() + 500;
  const short = await started(store, { p4: 1 }, { endsAt });
  const lacking = await scheduled(store, { p5: 1 });
  const unknown = scheduleCommand({ p4: 1 });
  const take = async ({ campaignId }: { campaignId: CampaignId }) => {
    const outcome = await store.reserve(
      reserveCommand("o9", { p4: 1 }, { campaignId, dryRun: true }),
    );
    return outcome.kind === "campaign_refused" ? outcome.why : outcome.kind;
  };
  expect(await take(await scheduled(store, { p4: 1 }))).toBe("possible");
  expect(await take(ahead)).toBe("not_started");
  expect(await take(stopped)).toBe("stopped");
  expect(await take(lacking)).toBe("lacks");
  expect(await take(unknown)).toBe("unknown");
  await until(async () => (await take(short)) === "ended", { withinMs: 5_000, what: "it is over" });
}
