/** One line of a script's answer about stock and locations → an outcome. */
import type {
  AmendLocationOutcome,
  RegisterLocationOutcome,
  TransferOutcome,
} from "#inventory/location-ports";
import { LEVEL_LIMITS, type AboveLimit } from "#inventory/level-limit";
import type { Location } from "#inventory/model";
import type {
  AdjustOutcome,
  AmendOutcome,
  CountOutcome,
  InitializeOutcome,
  ReturnOutcome,
  SellOutcome,
  Taken,
} from "#inventory/ports";
import { cut, unknownWord, unwrapReplay } from "#redis/answer";
import { shortLines } from "#redis/hold-outcomes";
import { decodeLocation } from "#redis/location-record";
import { decodeProductJson } from "#redis/product-record";
import { fieldAt, isOneOf, recorded, recordedCount } from "#redis/recorded";

export function initializeOutcome(reply: string): InitializeOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "initialized":
      return { kind: "initialized", product: decodeProductJson(rest), replayed };
    case "exists":
    // A replay: under this key units came to a product that was there (src/inventory/stock-up.ts).
    case "adjusted":
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
  if (word !== "adjusted") return guardedRefusal(word, rest);
  return { kind: "adjusted", product: decodeProductJson(rest), replayed };
}

export function transferOutcome(reply: string): TransferOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  if (word !== "transferred") return guardedRefusal(word, rest);
  return { kind: "transferred", product: decodeProductJson(rest), replayed };
}

export function countOutcome(reply: string): CountOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  if (word !== "counted") return levelRefusal(word, rest);
  return { kind: "counted", product: decodeProductJson(rest), replayed };
}

/** Of adjust and transfer, whose callers may say what they expect. */
function guardedRefusal(word: string, rest: string): Extract<AdjustOutcome, TransferOutcome> {
  if (word !== "expected_mismatch") return levelRefusal(word, rest);
  return { kind: "expected_mismatch", product: decodeProductJson(rest) };
}

/** Refusals that adjust, transfer and count share, as they share the words. */
function levelRefusal(word: string, rest: string): Extract<TransferOutcome, CountOutcome> {
  switch (word) {
    case "below_reserved": {
      const [onHand, reserved] = rest.split("\t");
      return {
        kind: "below_reserved",
        onHand: recordedCount(onHand, "onHand"),
        reserved: recordedCount(reserved, "reserved"),
      };
    }
    case "above_limit":
      return aboveLimit(rest);
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
      return { kind: "key_reused" };
    default:
      throw unknownWord(word);
  }
}

function aboveLimit(rest: string): AboveLimit {
  const [limit = "", onHand] = rest.split("\t");
  if (!isOneOf(LEVEL_LIMITS, limit)) throw new Error(`unknown limit ${limit}`);
  return { kind: "above_limit", limit, onHand: recordedCount(onHand, "onHand") };
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
    case "above_quota":
      return { kind: word, lines: shortLines(rest) };
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
      return aboveLimit(rest);
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
    case "moved":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}
