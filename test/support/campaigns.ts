/** Campaigns for tests of the store: one that is planned for a while from now. */
import { CampaignId, type Campaign, type ScheduleCommand } from "#inventory/campaigns";
import { Location } from "#inventory/model";
import { randomId } from "#lib/ids";
import { product, soon, type TestStore } from "#test/store";

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
