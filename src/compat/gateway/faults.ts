/** Refusals in contract E's words: `{error}`, one text. */
import { z } from "zod";
import type { Contract } from "#http/contract";
import { plainAnswer, Problem } from "#http/problem";
import { createValidators } from "#http/validate";

/** What its words call a field, where that is not the field's own name. */
const NAMES: Readonly<Record<string, string>> = { product_id: "product ID" };

/** Of a `validation_failed` that the core raised. */
const Named = z.object({ errors: z.array(z.object({ path: z.string() })) });

export const word: Contract["word"] = (refusal) => {
  const { code, message, members } = refusal;
  switch (code) {
    case "token_missing":
      return plainAnswer(refusal, { error: "authorization header is required" });
    case "token_invalid":
    case "token_expired":
      return plainAnswer(refusal, { error: `invalid token: ${message}` });
    case "role_required":
      return plainAnswer(refusal, { error: "admin access required" });
    case "validation_failed": {
      const [first] = Named.safeParse(members).data?.errors ?? [];
      return plainAnswer(refusal, { error: first ? invalid(first.path) : message });
    }
    case "malformed_json":
    case "reserved_id":
    case "route_not_found":
    case "product_not_found":
    case "counted_since":
    case "campaign_not_found":
    case "campaign_not_started":
    case "campaign_ended":
    case "campaign_begun":
    case "product_not_in_campaign":
    case "incoming_not_found":
    case "limit_not_found":
    case "location_not_found":
    case "run_not_found":
    case "product_not_yet_created":
    case "history_not_kept":
    case "pseudonymization_not_found":
    case "reservation_not_found":
    case "method_not_allowed":
    case "insufficient_stock":
    case "already_exists":
    case "reservation_confirmed":
    case "reservation_cancelled":
    case "reservation_replaced":
    case "reservation_reassigned":
    case "reservation_standing":
    case "waitlist":
    case "units_available":
    case "extended_too_often":
    case "order_already_confirmed":
    case "below_reserved":
    case "expected_mismatch":
    case "live_holds":
    case "exceeds_held":
    case "limit_exceeded":
    case "cursor_expired":
    case "reservation_expired":
    case "body_too_large":
    case "too_many_items":
    case "json_required":
    case "idempotency_key_reused":
    case "cart_spans_partitions":
    case "limit_spans_partitions":
    case "rate_limited":
    case "internal_error":
    case "partition_fenced":
    case "redis_unavailable":
    case "ledger_unavailable":
    case "journal_full":
    case "overloaded":
    case "stopping":
    case "outcome_unknown":
      return plainAnswer(refusal, { error: message });
  }
};

/** Validators that name the first field that is wrong; a path that names no product has no item. */
export const { validate } = createValidators((issues, input, target) => {
  if (target === "param") return unknownItem();
  const [issue] = issues;
  if (issue === undefined) throw new Error("nothing was refused");
  return new Problem("validation_failed", sentenceOf(issue, input));
});

export const unknownItem = (): Problem =>
  new Problem("product_not_found", "inventory item not found");

function sentenceOf(issue: z.core.$ZodIssue, input: unknown): string {
  if (issue.code === "unrecognized_keys")
    return `unknown query parameter: ${issue.keys.join(", ")}`;
  const field = String(issue.path[0]);
  const given: unknown = Reflect.get(Object(input), field);
  const isMissing = given === undefined || (given === "" && REQUIRED.has(field));
  return isMissing ? `${nameOf(field)} is required` : invalid(field);
}

/** Fields that must say something: empty is the same as missing. */
const REQUIRED: ReadonlySet<string> = new Set(["product_id", "quantity"]);

const nameOf = (field: string): string => NAMES[field] ?? field;
const invalid = (field: string): string => `invalid ${nameOf(field)}`;
