/** Campaigns with one of them that has not begun. A test replaces the answers it is about. */
import { CampaignId, type Campaign, type CampaignStore } from "#inventory/campaigns";
import { Location, ProductId } from "#inventory/model";

const AT = Date.UTC(2025, 0, 1);
export const CAMPAIGN_ID = CampaignId.parse("p0-abcdefgh");
export function campaignOf(changes: Partial<Campaign> = {}): Campaign {
  return {
    campaignId: CAMPAIGN_ID,
    name: "Friday",
    state: "scheduled",
    location: Location.parse("Warehouse A"),
    startsAt: AT,
    endsAt: AT + 60_000,
    holdSeconds: null,
    maxPerCustomer: null,
    limitSince: null,
    stoppedAt: null,
    createdAt: AT,
    updatedAt: AT,
    products: [{ productId: ProductId.parse("p1"), quantity: 5, fenced: 0 }],
    ...changes,
  };
}

const campaign = campaignOf();
export const CAMPAIGNS: CampaignStore = {
  schedule: async () => ({ kind: "scheduled", campaign, replayed: false }),
  stop: async () => ({ kind: "stopped", campaign, replayed: false }),
  remove: async () => ({ kind: "removed", campaign, replayed: false }),
  one: async (id) => (id === CAMPAIGN_ID ? campaign : null),
  all: async () => [campaign],
  turnDue: async () => {},
};
