/** Campaigns: planned, changed, stopped and removed by admins, and read by everybody. */
import type { z } from "zod";
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { PATHS } from "#http/paths";
import { invalid } from "#http/problem";
import { refusal, refuse, replayHeader, reply, send, type Answer } from "#http/reply";
import { noCampaign } from "#http/routes/campaign-refusals";
import { keyReused, unknownProduct } from "#http/routes/refusals";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody, validateOptionalBody } from "#http/validate";
import { EmptyBody } from "#http/wire/bodies";
import { CampaignChanged, CampaignDetail, Campaigns } from "#http/wire/campaign-answers";
import {
  CampaignBody,
  campaignDetailOf,
  campaignOf,
  CampaignParam,
  campaignRecordOf,
} from "#http/wire/campaigns";
import {
  amendCampaign,
  createCampaign,
  listCampaigns,
  readCampaign,
  removeCampaign,
  stopCampaign,
  type Campaign,
  type CampaignPlan,
  type RemoveOutcome,
  type ScheduleOutcome,
  type StopOutcome,
} from "#inventory/campaigns";

const CHANGES = { roles: ADMIN, mutation: true } as const;
const PLAN_REFUSALS = [
  "limit_exceeded",
  "product_not_found",
  "cart_spans_partitions",
  "too_many_items",
] as const;
const TIMES =
  "Its units stand aside from startsAt to endsAt, by the clock of the stock: as many as are free at its " +
  "location when it starts, and no unit of the safety stock. Whoever names it in a reserve takes of them alone, " +
  "and one customer holds and buys maxPerCustomer units of each product at most, where that is given.";

export function campaignRoutes(edge: Edge): readonly Route[] {
  return [...readRoutes(edge), ...planRoutes(edge), ...endRoutes(edge)];
}

function readRoutes({ deps }: Edge): readonly Route[] {
  return [
    route({
      method: "GET",
      path: PATHS.campaigns,
      summary: "Campaigns, the soonest first",
      answers: { 200: Campaigns },
      roles: "public",
      counted: "beside",
      handlers: createHandlers(async (c) => {
        const campaigns = await listCampaigns(deps, c.get("request"));
        return reply(c, 200, { campaigns: campaigns.map(campaignOf) });
      }),
    }),
    route({
      method: "GET",
      path: PATHS.campaign,
      summary: "A campaign, how long until it starts and ends, and what is left of it",
      answers: { 200: CampaignDetail },
      refusals: ["campaign_not_found"],
      roles: "public",
      counted: "beside",
      handlers: createHandlers(validate("param", CampaignParam), async (c) => {
        const { campaignId } = c.req.valid("param");
        const found = await readCampaign(deps, c.get("request"), campaignId);
        if (found === null) return refuse(c, "campaign_not_found", "there is no such campaign");
        return reply(c, 200, campaignDetailOf(found));
      }),
    }),
  ];
}

function planRoutes({ deps }: Edge): readonly Route[] {
  return [
    route({
      ...CHANGES,
      method: "POST",
      path: PATHS.campaigns,
      summary: "Plan a campaign",
      notes: TIMES,
      answers: { 201: CampaignChanged },
      refusals: PLAN_REFUSALS,
      handlers: createHandlers(validateBody(CampaignBody), async (c) => {
        const plan = planOf(c.req.valid("json"));
        const outcome = await createCampaign(deps, contextOf(c), plan);
        return send(c, planned(c, outcome, 201));
      }),
    }),
    route({
      ...CHANGES,
      method: "PUT",
      path: PATHS.campaign,
      summary: "Plan a campaign anew that has not started, or change the limit of one that runs",
      notes:
        "Until it starts, all of it. From then until it is over maxPerCustomer alone, with all else as it is: a " +
        "number goes on with what was counted, a limit that is set on counts from then, one that is left out ends.",
      answers: { 200: CampaignChanged },
      refusals: ["campaign_begun", "campaign_not_found", ...PLAN_REFUSALS],
      handlers: createHandlers(
        validate("param", CampaignParam),
        validateBody(CampaignBody),
        async (c) => {
          const input = { ...planOf(c.req.valid("json")), ...c.req.valid("param") };
          return send(c, planned(c, await amendCampaign(deps, contextOf(c), input), 200));
        },
      ),
    }),
  ];
}

function endRoutes({ deps }: Edge): readonly Route[] {
  return [
    route({
      ...CHANGES,
      method: "POST",
      path: PATHS.stopCampaign,
      summary: "Stop a campaign at once",
      notes:
        "What is held stays until it is confirmed or ends; all else goes back in the same step.",
      answers: { 200: CampaignChanged },
      refusals: ["campaign_not_found"],
      handlers: createHandlers(
        validate("param", CampaignParam),
        validateOptionalBody(EmptyBody),
        async (c) => {
          const { campaignId } = c.req.valid("param");
          return send(c, ended(c, await stopCampaign(deps, contextOf(c), campaignId)));
        },
      ),
    }),
    route({
      ...CHANGES,
      method: "DELETE",
      path: PATHS.campaign,
      summary: "Remove a campaign that has not started, or whose units are all back",
      answers: { 200: CampaignChanged },
      refusals: ["campaign_begun", "campaign_not_found"],
      handlers: createHandlers(
        validate("param", CampaignParam),
        validateOptionalBody(EmptyBody),
        async (c) => {
          const { campaignId } = c.req.valid("param");
          return send(c, ended(c, await removeCampaign(deps, contextOf(c), campaignId)));
        },
      ),
    }),
  ];
}

function planOf(body: z.output<typeof CampaignBody>): CampaignPlan {
  const { holdSeconds = null, maxPerCustomer = null, ...plan } = body;
  return { ...plan, holdSeconds, maxPerCustomer };
}

function planned(c: EdgeContext, outcome: ScheduleOutcome, status: 200 | 201): Answer {
  switch (outcome.kind) {
    case "scheduled": {
      const body = { message: "Campaign planned", campaign: campaignRecordOf(outcome.campaign) };
      return { status, body, headers: replayHeader(outcome.replayed) };
    }
    case "begun":
      return begun(c, outcome.campaign);
    case "past":
      throw invalid("endsAt", "must be to come");
    case "above_limit":
      return refusal(c, "limit_exceeded", "there are as many campaigns as there may be");
    case "unknown_product":
      return unknownProduct(c, outcome.productId);
    case "unknown_campaign":
      return noCampaign(c);
    case "key_reused":
      return keyReused(c);
  }
}

const MESSAGES = {
  stopped: "Campaign stopped",
  over: "Campaign was over",
  removed: "Campaign removed",
};

function ended(c: EdgeContext, outcome: StopOutcome | RemoveOutcome): Answer {
  switch (outcome.kind) {
    case "stopped":
    case "over":
    case "removed": {
      const message = MESSAGES[outcome.kind];
      const body = { message, campaign: campaignRecordOf(outcome.campaign) };
      return { status: 200, body, headers: replayHeader(outcome.replayed) };
    }
    case "begun":
      return begun(c, outcome.campaign);
    case "unknown_campaign":
      return noCampaign(c);
    case "key_reused":
      return keyReused(c);
  }
}

function begun(c: EdgeContext, campaign: Campaign): Answer {
  const message = "the campaign has started, and its units are not all back";
  return refusal(c, "campaign_begun", message, { campaign: campaignRecordOf(campaign) });
}
