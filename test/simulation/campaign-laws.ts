/** Campaigns at rest: what stood aside, who took of it and when, and that all of it came back in time. */
import type { Campaign, CampaignId } from "#inventory/campaigns";
import { fenceOf } from "#inventory/campaigns";
import type { KeptRecord } from "#inventory/drain-ports";
import type { Movement } from "#inventory/model";
import { decodeCampaign } from "#redis/campaign-record";
import { recordKey, stockKey } from "#redis/keys";
import { recorded } from "#redis/recorded";
import type { Asked } from "./callers.ts";
import { lateness, SWEPT_MS_MAX, type Judged } from "./lateness.ts";
import { isReassigned } from "./limit-laws.ts";
import { isFence } from "./line-laws.ts";
import type { SimulatedRedis } from "./redis/server.ts";

const SECOND_MS = 1_000;

type Keys = Pick<SimulatedRedis, "keys">;

const campaignOf = (id: string, text: string): Campaign =>
  decodeCampaign(recorded<CampaignId>(id), text);

/** Whether all that Redis knows are over, and have nothing left. */
export const areCampaignsOver = ({ keys }: Keys): boolean =>
  [...(keys.read(recordKey(0, "campaign"), "hash")?.fields ?? [])].every(
    ([id, text]) => campaignOf(id, text).state === "closed",
  );

/** What is left of a ring-fence in the record of its product, once its campaign is over. */
export const fencesLeft = ({ keys }: Keys): string[] =>
  Array.from(keys.keys()).flatMap(([key, value]) =>
    value.type === "hash" && key.startsWith(stockKey(0, ""))
      ? [...value.fields.keys()].filter(isFence).map((field) => `${key} has ${field} left`)
      : [],
  );

export function brokenCampaigns(run: Judged, asked: readonly Asked[]): string[] {
  const { movements, history } = run.ledger.state;
  const states = Map.groupBy(
    history.filter(({ kind }) => kind === "campaign"),
    ({ id }) => id,
  );
  if (states.size === 0) return [];
  return [
    ...transfersThatDiffer(movements),
    ...Array.from(states.values()).flatMap((all) => new CampaignLaws(run, all).broken),
    ...takenElsewhere(movements, asked),
  ];
}

/** What leaves a level comes to another one. */
function transfersThatDiffer(movements: readonly Movement[]): string[] {
  const sums = new Map<string, number>();
  for (const { type, productId, onHandBefore, onHandAfter } of movements) {
    if (type !== "TRANSFER" || productId === null) continue;
    sums.set(productId, (sums.get(productId) ?? 0) + onHandAfter - onHandBefore);
  }
  return [...sums].flatMap(([product, sum]) =>
    sum === 0 ? [] : [`transfers of ${product} brought ${sum} units`],
  );
}

/** Who names a campaign takes of its ring-fences, and nobody else does; what it has may change hands. */
function takenElsewhere(movements: readonly Movement[], asked: readonly Asked[]): string[] {
  const named = new Map(asked.map(({ id, campaign }) => [id, campaign]));
  return movements.flatMap((movement, i) => {
    const { type, location, requestId, seq } = movement;
    if (type !== "RESERVE" || isReassigned(movement, movements[i - 1])) return [];
    const campaign = named.get(requestId ?? "");
    const fence = isFence(location) ? location.split("~")[1] : undefined;
    if (fence === campaign) return [];
    return [
      `movement ${seq}: ${requestId} asked for units of ${campaign}, and has some of ${fence}`,
    ];
  });
}

class CampaignLaws {
  readonly #run: Judged;
  readonly #states: readonly { readonly seq: number; readonly campaign: Campaign | null }[];
  readonly #fence: string;
  readonly #name: string;
  readonly broken: string[] = [];

  constructor(run: Judged, states: readonly KeptRecord[]) {
    this.#run = run;
    this.#states = states.map(({ seq, id, text }) => {
      return { seq, campaign: text === null ? null : campaignOf(id, text) };
    });
    const [{ campaign } = { campaign: null }] = this.#states;
    this.#fence = campaign === null ? "" : fenceOf(campaign);
    this.#name = campaign?.campaignId ?? "";
    this.#mustBegin();
    this.#mustBeFull();
    const at = run.ledger.state.movements.filter(({ location }) => location === this.#fence);
    const movements = run.ledger.state.movements;
    for (const movement of at) {
      if (movement.type === "RESERVE" && !isReassigned(movement, movements[movement.seq - 2])) {
        this.#mustBeOpen(movement);
      }
    }
    for (const all of Map.groupBy(at, ({ productId }) => productId).values()) this.#ofProduct(all);
  }

  /** As it was known to that movement: what was said of it right before. */
  #before(seq: number): Campaign | null {
    return this.#states.findLast((one) => one.seq < seq)?.campaign ?? null;
  }

  #timeOf(seq: number): number {
    return this.#run.ledger.state.movements[seq - 1]?.at ?? 0;
  }

  /** Whoever is woken for it is woken at a full second. */
  #judge(what: string, from: number, moment: number, at: number, calmMsMax?: number): void {
    const more = calmMsMax === undefined ? {} : { calmMsMax };
    const due = Math.ceil(moment / SECOND_MS) * SECOND_MS;
    const late = lateness(this.#run, { what, from, due, at, ...more });
    if (late !== null) this.broken.push(`${what} of ${this.#name} came ${late}`);
  }

  /** The first state in which it was begun, or was over without that. */
  #mustBegin(): void {
    const at = this.#states.findIndex(({ campaign }) => campaign?.state !== "scheduled");
    const [planned, began] = [this.#states[at - 1], this.#states[at]];
    if (!planned?.campaign || !began?.campaign) return;
    const { startsAt } = planned.campaign;
    const { state, stoppedAt } = began.campaign;
    const beganAt = this.#timeOf(began.seq);
    if (state === "running" && beganAt < startsAt) this.broken.push(`${this.#name} began early`);
    if (stoppedAt !== null && stoppedAt < startsAt) return;
    this.#judge("start", this.#timeOf(planned.seq), startsAt, beganAt);
  }

  /** What was planned of each product, or all that was free of it: nothing that was due was held. */
  #mustBeFull(): void {
    const began = this.#states.find(({ campaign }) => campaign?.state === "running");
    if (!began?.campaign) return;
    const { seq, campaign } = began;
    const second = Math.floor(this.#timeOf(seq) / SECOND_MS) * SECOND_MS;
    for (const { productId, quantity, fenced } of campaign.products) {
      const { movements, reservations } = this.#run.ledger.state;
      const own = movements.filter((one) => one.productId === productId);
      const before = own.findLast(
        (one) => one.seq < seq && one.location === campaign.location && !this.#isOfStart(one),
      );
      const free = before ? before.onHandAfter - before.reservedAfter : 0;
      if (fenced !== Math.min(quantity, free)) {
        this.broken.push(`${this.#name} has ${fenced} of ${productId}: ${free} were free`);
      }
      const late = own.find((one) => {
        const due = reservations.get(one.reservationId ?? "")?.expiresAt ?? Infinity;
        return one.seq > seq && one.type === "EXPIRE" && due <= second;
      });
      if (fenced < quantity && late) {
        this.broken.push(`${this.#name} is short, and movement ${late.seq} was due before it`);
      }
    }
  }

  #isOfStart({ reason, reference }: Movement): boolean {
    return reason === "campaign_started" && reference === `campaign:${this.#name}`;
  }

  #mustBeOpen({ seq, at }: Movement): void {
    this.#run.saw("take of a campaign");
    const campaign = this.#before(seq);
    const isOpen =
      campaign?.state === "running" &&
      campaign.stoppedAt === null &&
      campaign.startsAt <= at &&
      at < campaign.endsAt;
    if (!isOpen) this.broken.push(`movement ${seq} takes of ${this.#name}, which is not open`);
  }

  /** The level of one product: filled once with what was planned at most, and emptied in time. */
  #ofProduct(movements: readonly Movement[]): void {
    const [first] = movements;
    const filled = movements.filter((one) => one.type === "TRANSFER" && moved(one) > 0);
    const planned = this.#states
      .find(({ campaign }) => campaign?.state === "running")
      ?.campaign?.products.find(({ productId }) => productId === first?.productId);
    const units = filled.reduce((sum, one) => sum + moved(one), 0);
    if (filled.length > 1 || units !== planned?.fenced || units > planned.quantity) {
      this.broken.push(`${this.#name} took ${units} aside in ${filled.length} steps`);
    }
    const last = movements.at(-1);
    if (last && (last.onHandAfter !== 0 || last.reservedAfter !== 0)) {
      this.broken.push(`${this.#name} keeps ${last.onHandAfter} of ${last.productId}`);
    }
    for (const [i, one] of movements.entries()) this.#mustGoBack(one, movements[i + 1]);
  }

  /** What nobody holds once it is over does not stay there. */
  #mustGoBack({ seq, at, onHandAfter, reservedAfter }: Movement, next: Movement | undefined): void {
    if (onHandAfter === reservedAfter || next === undefined) return;
    const running = this.#before(next.seq);
    if (running === null) return;
    const over = Math.min(running.endsAt, running.stoppedAt ?? running.endsAt);
    if (next.at < over) return;
    const planned = this.#timeOf(this.#states[0]?.seq ?? seq);
    if (at < over) this.#judge("end", planned, over, next.at);
    else this.#judge("return", at, at, next.at, SWEPT_MS_MAX);
  }
}

const moved = ({ onHandBefore, onHandAfter }: Movement): number => onHandAfter - onHandBefore;
