/** Why a count was not put right, in words that need no caller. */
import type { CountAt, CountAtOutcome } from "#inventory/count-at";
import { Fault } from "#inventory/faults";
import { limitText } from "#inventory/level-limit";

export interface CountRefusal {
  readonly code: string;
  readonly message: string;
}

type Refused = Exclude<CountAtOutcome, { readonly kind: "found" }>;

/** What is thrown for a row that may succeed another time is thrown on. */
export function countRefusal({ productId }: CountAt, outcome: Refused): CountRefusal {
  switch (outcome.kind) {
    case "below_reserved": {
      const { location, onHand, reserved, delta } = outcome.found;
      const there = `${onHand} units are at ${location}, ${reserved} of them held`;
      return { code: "below_reserved", message: `${there}: ${-delta} cannot be taken` };
    }
    case "above_limit": {
      const { onHand, location } = outcome.found;
      return { code: "limit_exceeded", message: limitText(outcome.limit, onHand, location) };
    }
    case "unknown_product":
      return { code: "product_not_found", message: `there is no product ${productId}` };
    case "not_yet_created":
    case "not_kept":
    case "counted_since":
      return standingRefusal(outcome);
    case "future":
      return { code: "validation_failed", message: "countedAt must not be in the future" };
    case "twice":
      return {
        code: "validation_failed",
        message: "productId and location were counted above already",
      };
    case "key_reused":
      throw new Fault("outcome_unknown", "another count of the level is under way");
    case "failed": {
      const { error } = outcome;
      if (error instanceof Fault && !error.retryable) {
        return { code: error.code, message: error.message };
      }
      throw error;
    }
  }
}

type Standing = Extract<
  Refused,
  { readonly kind: "not_yet_created" | "not_kept" | "counted_since" }
>;

/** Of what the ledger says of an instant. */
export function standingRefusal(outcome: Standing) {
  switch (outcome.kind) {
    case "not_yet_created": {
      const at = new Date(outcome.createdAt).toISOString();
      const message = `the product was created at ${at}`;
      return { code: "product_not_yet_created", message } as const;
    }
    case "not_kept":
      return {
        code: "history_not_kept",
        message: "the movements of that time were put away",
      } as const;
    case "counted_since":
      return { code: "counted_since", message: "a count of a later instant is known" } as const;
  }
}
