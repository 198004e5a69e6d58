/** Campaigns in Redis: each lives in the partition of its products, which its id names. */
import {
  partitionOfCampaign,
  type Campaign,
  type CampaignCommand,
  type CampaignId,
  type CampaignStore,
  type RemoveOutcome,
  type ScheduleCommand,
  type ScheduleOutcome,
  type StopOutcome,
} from "#inventory/campaigns";
import type { ProductId } from "#inventory/model";
import type { ReserveCommand } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import { cut, unknownWord, unwrapReplay } from "#redis/answer";
import { campaignLine, decodeCampaign, scheduleLine } from "#redis/campaign-record";
import { recordKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import type { PartitionQueues } from "#redis/partition-queues";
import type { Reads } from "#redis/reads";
import { recorded, recordedFields } from "#redis/recorded";

/** Of a turn that nobody waits for. */
const TURN_MS_MAX = 3_000;

interface Route {
  readonly partition: Partition;
  readonly queues: PartitionQueues;
}

export interface CampaignsOptions {
  readonly routes: readonly Route[];
  readonly reads: Reads;
  readonly clock: Clock;
  /** Something of a campaign is due at that moment (epoch milliseconds, Redis's clock). */
  readonly onDue: (partition: Partition, at: number) => void;
}

export class Campaigns implements CampaignStore {
  readonly #options: CampaignsOptions;

  constructor(options: CampaignsOptions) {
    this.#options = options;
  }

  async schedule(command: ScheduleCommand): Promise<ScheduleOutcome> {
    const route = this.#routeOf(command.campaignId);
    if (route === null) return { kind: "unknown_campaign" };
    const line = scheduleLine(command);
    const reply = await route.queues.submit("scheduleCampaign", line, 1, command);
    const { word, rest, replayed } = unwrapReplay(reply);
    switch (word) {
      case "scheduled": {
        const campaign = toldCampaign(rest);
        this.#options.onDue(route.partition, campaign.startsAt);
        this.#options.onDue(route.partition, campaign.endsAt);
        return { kind: word, campaign, replayed };
      }
      case "begun":
        return { kind: word, campaign: toldCampaign(rest) };
      case "past":
      case "above_limit":
      case "key_reused":
        return { kind: word };
      case "no_product":
        return { kind: "unknown_product", productId: recorded<ProductId>(rest) };
      case "unknown":
        return { kind: "unknown_campaign" };
      default:
        throw unknownWord(word);
    }
  }

  async stop(command: CampaignCommand): Promise<StopOutcome> {
    const reply = await this.#change("stopCampaign", command);
    const { word, rest, replayed } = unwrapReplay(reply);
    if (word === "stopped" || word === "over") {
      return { kind: word, campaign: toldCampaign(rest), replayed };
    }
    return notThere(word);
  }

  async remove(command: CampaignCommand): Promise<RemoveOutcome> {
    const reply = await this.#change("removeCampaign", command);
    const { word, rest, replayed } = unwrapReplay(reply);
    if (word === "removed" || word === "begun") {
      const campaign = toldCampaign(rest);
      return word === "begun" ? { kind: word, campaign } : { kind: word, campaign, replayed };
    }
    return notThere(word);
  }

  async one(campaignId: CampaignId, deadline: number): Promise<Campaign | null> {
    const route = this.#routeOf(campaignId);
    if (route === null) return null;
    const text = (await this.#textsOf(route.partition, deadline))[campaignId];
    return text === undefined ? null : decodeCampaign(campaignId, text);
  }

  async all(deadline: number): Promise<readonly Campaign[]> {
    const { routes } = this.#options;
    const texts = routes.map(({ partition }) => this.#textsOf(partition, deadline));
    return (await Promise.all(texts)).flatMap(readable);
  }

  async hasAny(deadline: number): Promise<boolean> {
    const { routes } = this.#options;
    const texts = routes.map(({ partition }) => this.#textsOf(partition, deadline));
    return (await Promise.all(texts)).some((own) => Object.keys(own).length > 0);
  }

  async turnDue(
    partition: number,
    deadline = this.#options.clock.now() + TURN_MS_MAX,
  ): Promise<void> {
    const route = this.#options.routes[partition];
    if (route === undefined) throw new Error(`there is no partition ${partition}`);
    const now = Date.now() + route.partition.clockAheadMs;
    const campaigns = readable(await this.#textsOf(route.partition, deadline));
    const failures: unknown[] = [];
    for (const { campaignId } of campaigns.filter((one) => isDue(one, now))) {
      // One that cannot be turned keeps no other from it.
      await this.#turn(campaignId, deadline).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Its campaign's start has come, and nobody did it yet. */
  async turnFor({ campaignId, deadline }: ReserveCommand): Promise<void> {
    if (campaignId === undefined) throw new Error("a turn was asked for of no campaign");
    await this.#turn(campaignId, deadline);
  }

  /** Until nothing more of it is due now. */
  async #turn(campaignId: CampaignId, deadline: number): Promise<void> {
    const queues = this.#routeOf(campaignId)?.queues;
    if (queues === undefined) throw new Error(`campaign ${campaignId} has no partition here`);
    for (;;) {
      const { word } = cut(await queues.submit("turnCampaign", campaignId, 1, { deadline }));
      if (word === "turned" || word === "unknown") return;
      if (word !== "due") throw unknownWord(word);
      await queues.expireAll(deadline);
    }
  }

  async #change(
    verb: "stopCampaign" | "removeCampaign",
    command: CampaignCommand,
  ): Promise<string> {
    const route = this.#routeOf(command.campaignId);
    if (route === null) return "unknown";
    return await route.queues.submit(verb, campaignLine(command), 1, command);
  }

  /** Id → record. */
  async #textsOf(
    partition: Partition,
    deadline: number,
  ): Promise<Readonly<Record<string, string>>> {
    const key = recordKey(partition.number, "campaign");
    const lookup = { partition, command: "HGETALL" as const, key, count: 1 };
    return recordedFields((await this.#options.reads.read(lookup, deadline)).value, key);
  }

  #routeOf(campaignId: CampaignId): Route | null {
    const partition = partitionOfCampaign(campaignId);
    return (partition === null ? null : this.#options.routes[partition]) ?? null;
  }
}

/** Those that can be read: of the others a comparison tells. */
const readable = (texts: Readonly<Record<string, string>>): Campaign[] =>
  Object.entries(texts).flatMap(([id, text]) => {
    try {
      return [decodeCampaign(recorded<CampaignId>(id), text)];
    } catch {
      return [];
    }
  });

/** What is due by that clock; a script has the last word. */
const isDue = ({ state, startsAt, endsAt, stoppedAt }: Campaign, now: number): boolean =>
  state !== "closed" &&
  (stoppedAt !== null || endsAt <= now || (state === "scheduled" && startsAt <= now));

/** Its id, then its record. */
function toldCampaign(text: string): Campaign {
  const { word: id, rest: record } = cut(text);
  return decodeCampaign(recorded<CampaignId>(id), record);
}

function notThere(word: string): { readonly kind: "unknown_campaign" | "key_reused" } {
  if (word === "unknown") return { kind: "unknown_campaign" };
  if (word === "key_reused") return { kind: word };
  throw unknownWord(word);
}
