/** One line of a script's answer → an outcome. The twin of what the scripts in lua/stock answer. */
import type {
  AmendLocationOutcome,
  RegisterLocationOutcome,
  TransferOutcome,
} from "#inventory/location-ports";
import type { Location, ProductId } from "#inventory/model";
import type {
  AdjustOutcome,
  AmendOutcome,
  CountOutcome,
  ExpireResult,
  FreeLevel,
  HoldOutcome,
  InitializeOutcome,
  LineQuantity,
  ReserveCommand,
  ReserveOutcome,
  ReturnOutcome,
  SellOutcome,
  ShortLine,
  Taken,
} from "#inventory/ports";
import { journalFull } from "#redis/batch-sender";
import { decodeHold, decodeTold, decodeToldHead, type ToldHold } from "#redis/hold-record";
import { decodeLocation } from "#redis/location-record";
import { decodeProductJson } from "#redis/product-record";
import { fieldAt, recorded, recordedCount } from "#redis/recorded";

/** The word an answer starts with, and what stands behind it. */
function cut(reply: string): { word: string; rest: string } {
  const tab = reply.indexOf("\t");
  if (tab < 0) return { word: reply, rest: "" };
  return { word: reply.slice(0, tab), rest: reply.slice(tab + 1) };
}

const unknownWord = (word: string): Error => new Error(`a script answered the word ${word}`);

/** `due` is not an outcome: expire has to run before the stock can decide. */
export function reserveOutcome(
  partition: number,
  command: ReserveCommand,
  reply: string,
): ReserveOutcome | { readonly kind: "due" } {
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
      return { kind: "insufficient", lines: shortLines(rest) };
    case "unknown":
      return { kind: "unknown_product", productId: recorded<ProductId>(rest) };
    case "key_reused":
    case "due":
      return { kind: word };
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

const shortLines = (text: string): ShortLine[] =>
  text === "" ? [] : text.split(",").map(shortLine);

function lineQuantity(text: string): LineQuantity {
  const [product = "", units] = text.split("=");
  return { productId: recorded<ProductId>(product), quantity: recordedCount(units, "units") };
}

/** `product=requested=largest=available=location:free;…` */
function shortLine(text: string): ShortLine {
  const fields = text.split("=");
  return {
    productId: recorded<ProductId>(fieldAt(fields, 0, "product")),
    requested: recordedCount(fields[1], "requested"),
    largest: recordedCount(fields[2], "largest"),
    available: recordedCount(fields[3], "available"),
    locations: freeLevels(fieldAt(fields, 4, "levels")),
    nextHoldEndsAt: null,
  };
}

/** None where no location is active. */
const freeLevels = (text: string): FreeLevel[] =>
  text === "" ? [] : text.split(";").map(freeLevel);

function freeLevel(text: string): FreeLevel {
  const [location = "", free] = text.split(":");
  return { location: recorded<Location>(location), available: recordedCount(free, "free") };
}

/**
 * Of confirm, cancel and extend. Two words are no outcomes: `again` (the call it came with did
 * enough) and `due` (expire has to run before the stock can decide).
 */
export function holdOutcome(
  partition: number,
  owner: string,
  reply: string,
): HoldOutcome | { readonly kind: "again" } | { readonly kind: "due" } {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "done":
      return { kind: "done", ...decodeTold(partition, owner, rest), replayed };
    case "confirmed":
    case "cancelled":
    case "expired":
      return { kind: word, reservation: decodeHold(partition, owner, rest) };
    case "exceeds": {
      const fields = rest.split("\t");
      const productId = recorded<ProductId>(fieldAt(fields, 0, "product"));
      return { kind: "exceeds_held", productId, held: recordedCount(fields[1], "held") };
    }
    case "unknown":
      return { kind: "unknown_reservation" };
    case "insufficient":
      return { kind: "insufficient", lines: shortLines(rest) };
    case "full":
      throw journalFull();
    case "superseded":
    case "again":
    case "due":
    case "key_reused":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}

/** A replay carries the reply that was first given, behind the word `replayed`. */
function unwrapReplay(reply: string): { word: string; rest: string; replayed: boolean } {
  const { word, rest } = cut(reply);
  return word === "replayed" ? { ...cut(rest), replayed: true } : { word, rest, replayed: false };
}

export function initializeOutcome(reply: string): InitializeOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "initialized":
      return { kind: "initialized", product: decodeProductJson(rest), replayed };
    case "exists":
      return { kind: "exists", product: decodeProductJson(rest) };
    case "key_reused":
      return { kind: "key_reused" };
    default:
      throw unknownWord(word);
  }
}

export function amendOutcome(reply: string): AmendOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "amended":
      return { kind: "amended", product: decodeProductJson(rest), replayed };
    case "expected_mismatch":
      return { kind: "expected_mismatch", product: decodeProductJson(rest) };
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
      return { kind: "key_reused" };
    default:
      throw unknownWord(word);
  }
}

export function adjustOutcome(reply: string): AdjustOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  if (word !== "adjusted") return stockRefusal(word, rest);
  return { kind: "adjusted", product: decodeProductJson(rest), replayed };
}

/** Refusals that adjust, transfer and count share, as they share the words. */
type StockRefusal = Extract<AdjustOutcome, TransferOutcome>;

export function transferOutcome(reply: string): TransferOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  if (word !== "transferred") return stockRefusal(word, rest);
  return { kind: "transferred", product: decodeProductJson(rest), replayed };
}

export function countOutcome(reply: string): CountOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  if (word !== "counted") return stockRefusal(word, rest);
  return { kind: "counted", product: decodeProductJson(rest), replayed };
}

function stockRefusal(word: string, rest: string): StockRefusal {
  switch (word) {
    case "expected_mismatch":
      return { kind: "expected_mismatch", product: decodeProductJson(rest) };
    case "below_reserved": {
      const [onHand, reserved] = rest.split("\t");
      return {
        kind: "below_reserved",
        onHand: recordedCount(onHand, "onHand"),
        reserved: recordedCount(reserved, "reserved"),
      };
    }
    case "above_limit":
      return { kind: "above_limit", onHand: recordedCount(rest, "onHand") };
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
      return { kind: "key_reused" };
    default:
      throw unknownWord(word);
  }
}

export function registerLocationOutcome(
  location: Location,
  reply: string,
): RegisterLocationOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "registered":
      return { kind: "registered", registered: decodeLocation(location, rest), replayed };
    case "exists":
      return { kind: "exists", registered: decodeLocation(location, rest) };
    case "above_limit":
    case "key_reused":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}

export function amendLocationOutcome(location: Location, reply: string): AmendLocationOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "amended":
      return { kind: "amended", registered: decodeLocation(location, rest), replayed };
    case "expected_mismatch":
      return { kind: "expected_mismatch", registered: decodeLocation(location, rest) };
    case "unknown":
      return { kind: "unknown_location" };
    case "key_reused":
      return { kind: "key_reused" };
    default:
      throw unknownWord(word);
  }
}

/** `due` is as with reserve. */
export function sellOutcome(reply: string): SellOutcome | { readonly kind: "due" } {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "sold": {
      const { word: places, rest: product } = cut(rest);
      const allocations = places.split(",").map(taken);
      return { kind: "sold", product: decodeProductJson(product), allocations, replayed };
    }
    case "insufficient":
      return { kind: "insufficient", lines: shortLines(rest) };
    case "expected_mismatch":
      return { kind: "expected_mismatch", product: decodeProductJson(rest) };
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
    case "due":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}

function taken(text: string): Taken {
  const fields = text.split("=");
  return {
    location: recorded<Location>(fieldAt(fields, 0, "location")),
    quantity: recordedCount(fields[1], "quantity"),
  };
}

/** `moved` is not an outcome: what the ledger said is not the newest. */
export function returnOutcome(reply: string): ReturnOutcome | { readonly kind: "moved" } {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "returned": {
      const { word: sold, rest: more } = cut(rest);
      const { word: returned, rest: product } = cut(more);
      return {
        kind: "returned",
        product: decodeProductJson(product),
        sold: recordedCount(sold, "sold"),
        returned: recordedCount(returned, "returned"),
        replayed,
      };
    }
    case "exceeds": {
      const [sold, returned] = rest.split("\t");
      return {
        kind: "exceeds_sold",
        sold: recordedCount(sold, "sold"),
        returned: recordedCount(returned, "returned"),
      };
    }
    case "above_limit":
      return { kind: "above_limit", onHand: recordedCount(rest, "onHand") };
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
    case "moved":
      return { kind: word };
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
