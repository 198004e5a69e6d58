/** One line of a script's answer about holds → an outcome. */
import type { CampaignId, CampaignRefused } from "#inventory/campaigns";
import { HOLD_LIMITS } from "#inventory/hold-ports";
import type { Location, ProductId, Reservation } from "#inventory/model";
import type {
  CancelOutcome,
  ConfirmOutcome,
  ExpireResult,
  ExtendOutcome,
  FreeLevel,
  HoldOutcome,
  LineQuantity,
  Quota,
  ReassignOutcome,
  ReserveCommand,
  ReserveOutcome,
  ShortLine,
} from "#inventory/ports";
import { cut, unknownWord, unwrapReplay } from "#redis/answer";
import { journalFull } from "#redis/batch-sender";
import { decodeHold, decodeTold, decodeToldHead, type ToldHold } from "#redis/hold-record";
import { fieldAt, isOneOf, recorded, recordedCount } from "#redis/recorded";

/** No outcome: expire has to run, or its campaign's turn, before the stock can decide. */
export function reserveOutcome(
  partition: number,
  command: ReserveCommand,
  reply: string,
): ReserveOutcome | { readonly kind: "due" } | { readonly kind: "campaign_due" } {
  const { word, rest, replayed } = unwrapReplay(reply);
  const hold = (head: string): ToldHold => decodeToldHead(partition, command.owner, head, command);
  switch (word) {
    case "reserved":
    case "held":
      return holdTaken(word, replayed, hold(rest), []);
    case "reserved_partly":
    case "held_partly": {
      const { word: short, rest: head } = cut(rest);
      const kind = word === "reserved_partly" ? "reserved" : "held";
      return holdTaken(kind, replayed, hold(head), shortLines(short));
    }
    case "confirmed":
      return { kind: "already_confirmed", reservation: hold(rest).reservation };
    case "possible": {
      const [lines = "", short = ""] = rest.split("\t");
      return {
        kind: "possible",
        lines: lines.split(",").map(lineQuantity),
        short: shortLines(short),
      };
    }
    case "insufficient":
    case "above_quota":
      return { kind: word, lines: shortLines(rest) };
    case "unknown":
      return { kind: "unknown_product", productId: recorded<ProductId>(rest) };
    case "key_reused":
    case "due":
    case "campaign_due":
      return { kind: word };
    default:
      return campaignRefused(word, rest);
  }
}

function campaignRefused(word: string, rest: string): CampaignRefused {
  const kind = "campaign_refused" as const;
  switch (word) {
    case "campaign_unknown":
      return { kind, why: "unknown" };
    case "campaign_lacks":
      return { kind, why: "lacks", productId: recorded<ProductId>(rest) };
    case "campaign_not_started":
      return { kind, why: "not_started", startsAt: recordedCount(rest, "starts") };
    case "campaign_ended":
      return { kind, why: "ended", endsAt: recordedCount(rest, "ends") };
    case "campaign_stopped":
      return { kind, why: "stopped", endsAt: recordedCount(rest, "ends") };
    default:
      throw unknownWord(word);
  }
}

/** A replayed `reserved` is a hold that stands. */
function holdTaken(
  kind: "reserved" | "held",
  replayed: boolean,
  hold: ToldHold,
  short: readonly ShortLine[],
): ReserveOutcome {
  if (kind === "reserved" && !replayed) return { kind, ...hold, short };
  return { kind: "held", ...hold, replayed, short };
}

export const shortLines = (text: string): ShortLine[] =>
  text === "" ? [] : text.split(",").map(shortLine);

function lineQuantity(text: string): LineQuantity {
  const [product = "", units] = text.split("=");
  return { productId: recorded<ProductId>(product), quantity: recordedCount(units, "units") };
}

/**
 * `product=requested=largest=available=location:free;…`, what a limit says behind it, and `=w` with how many
 * wait where somebody does.
 */
function shortLine(text: string): ShortLine {
  const fields = text.split("=");
  const last = fields.at(-1) ?? "";
  const waiting = last.startsWith("w") && fields.length > 5 ? last.slice(1) : null;
  if (waiting !== null) fields.pop();
  return {
    productId: recorded<ProductId>(fieldAt(fields, 0, "product")),
    requested: recordedCount(fields[1], "requested"),
    largest: recordedCount(fields[2], "largest"),
    available: recordedCount(fields[3], "available"),
    locations: freeLevels(fieldAt(fields, 4, "levels")),
    nextHoldEndsAt: null,
    ...(fields[5] === undefined ? {} : { quota: quotaOf(fields.slice(5)) }),
    ...(waiting === null ? {} : { waiting: recordedCount(waiting, "waiting") }),
  };
}

/**
 * Units that the limit allows and leaves; of one with a name its id, when its window ends, and its holds. What
 * is called `~` and an id is a campaign's.
 */
function quotaOf([units, left, name, windowEndsAt = "", maxHolds = ""]: string[]): Quota {
  return {
    maxPerCustomer: recordedCount(units, "limit"),
    left: recordedCount(left, "left"),
    ...(name === undefined ? {} : limitNamed(name)),
    ...(windowEndsAt === "" ? {} : { windowEndsAt: recordedCount(windowEndsAt, "window") }),
    ...(maxHolds === "" ? {} : { maxHolds: recordedCount(maxHolds, "holds") }),
  };
}

const limitNamed = (name: string): Pick<Quota, "limitId" | "campaignId"> =>
  name.startsWith("~") ? { campaignId: recorded<CampaignId>(name.slice(1)) } : { limitId: name };

/** None where no location is active. */
const freeLevels = (text: string): FreeLevel[] =>
  text === "" ? [] : text.split(";").map(freeLevel);

function freeLevel(text: string): FreeLevel {
  const [location = "", free] = text.split(":");
  return { location: recorded<Location>(location), available: recordedCount(free, "free") };
}

/** No outcome: the call it came with did enough, or expire has to run before the stock can decide. */
export type NotYet = "again" | "due";

export function confirmOutcome(
  partition: number,
  owner: string,
  reply: string,
): ConfirmOutcome | NotYet {
  const { word, rest } = cut(reply);
  switch (word) {
    case "insufficient":
    case "above_quota":
      return { kind: word, lines: shortLines(rest) };
    case "full":
      throw journalFull();
    case "due":
      return word;
    default:
      return cancelOutcome(partition, owner, reply);
  }
}

export function cancelOutcome(
  partition: number,
  owner: string,
  reply: string,
): CancelOutcome | NotYet {
  const { word, rest } = cut(reply);
  if (word !== "exceeds") return holdOutcome(partition, owner, reply);
  const fields = rest.split("\t");
  const productId = recorded<ProductId>(fieldAt(fields, 0, "product"));
  return { kind: "exceeds_held", productId, held: recordedCount(fields[1], "held") };
}

export function extendOutcome(
  partition: number,
  owner: string,
  reply: string,
): ExtendOutcome | NotYet {
  const { word, rest } = cut(reply);
  if (word === "standing") return { kind: word };
  if (word !== "too_often") return holdOutcome(partition, owner, reply);
  const { word: times, rest: record } = cut(rest);
  const reservation = decodeHold(partition, owner, record);
  return { kind: word, extensions: recordedCount(times, "extensions"), reservation };
}

/** What it tells is of another owner than was asked about: that one stands before the record. */
export function reassignOutcome(
  partition: number,
  owner: string,
  reply: string,
): ReassignOutcome | NotYet {
  const { word, rest, replayed } = unwrapReplay(reply);
  const told = (text: string): Reservation => {
    const { word: other, rest: record } = cut(text);
    return decodeHold(partition, other, record);
  };
  switch (word) {
    case "reassigned":
    case "held":
      return { kind: "done", reservation: told(rest), replayed };
    case "standing":
      return { kind: "standing", reservation: told(rest) };
    case "order_confirmed":
      return { kind: "already_confirmed", reservation: told(rest) };
    case "above_limit": {
      const { word: limit, rest: record } = cut(rest);
      if (!isOneOf(HOLD_LIMITS, limit)) throw unknownWord(limit);
      return { kind: "above_hold_limit", limit, reservation: told(record) };
    }
    default:
      return holdOutcome(partition, owner, reply);
  }
}

/** Of confirm, cancel, extend and reassign. */
function holdOutcome(partition: number, owner: string, reply: string): HoldOutcome | NotYet {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "done":
      return { kind: "done", ...decodeTold(partition, owner, rest), replayed };
    case "confirmed":
    case "cancelled":
    case "expired":
      return { kind: word, reservation: decodeHold(partition, owner, rest) };
    case "unknown":
      return { kind: "unknown_reservation" };
    case "superseded":
    case "key_reused":
      return { kind: word };
    case "again":
      return word;
    default:
      throw unknownWord(word);
  }
}

/** Of one step; `damaged` are owners of holds whose record or product does not let them go. */
export function expireResult(reply: string): ExpireResult & { damaged: readonly string[] } {
  const [word = "", expired, more, damaged = ""] = reply.split("\t");
  if (word !== "expired") throw unknownWord(word);
  return {
    expired: recordedCount(expired, "expired"),
    more: more === "1",
    damaged: damaged === "" ? [] : damaged.split(","),
  };
}
