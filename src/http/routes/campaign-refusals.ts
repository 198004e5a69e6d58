/** Why nothing is had of a campaign: before and after, a refusal says when. */
import type { EdgeContext } from "#http/env";
import type { ProblemCode } from "#http/problem";
import { refusal, type Answer } from "#http/reply";
import { timeOf } from "#http/wire/objects";
import type { CampaignRefused } from "#inventory/campaigns";

export const CAMPAIGN_REFUSALS = [
  "campaign_not_started",
  "campaign_ended",
  "product_not_in_campaign",
  "campaign_not_found",
] as const satisfies readonly ProblemCode[];

export function campaignRefused(c: EdgeContext, refused: CampaignRefused): Answer {
  switch (refused.why) {
    case "unknown":
      return noCampaign(c);
    case "lacks": {
      const { productId } = refused;
      const message = `the campaign has no product ${productId}`;
      return refusal(c, "product_not_in_campaign", message, { productId });
    }
    case "not_started": {
      const startsAt = timeOf(refused.startsAt);
      const message = `the campaign starts at ${startsAt}`;
      return refusal(c, "campaign_not_started", message, { startsAt });
    }
    case "ended":
    case "stopped": {
      const endsAt = timeOf(refused.endsAt);
      const stopped = refused.why === "stopped";
      const message = stopped ? "the campaign was stopped" : `the campaign ended at ${endsAt}`;
      return refusal(c, "campaign_ended", message, { endsAt, stopped });
    }
  }
}

export const noCampaign = (c: EdgeContext): Answer =>
  refusal(c, "campaign_not_found", "there is no such campaign");
