/** Refusals in contract B's words: `{detail}`, a text or a list as pydantic writes it. */
import type { z } from "zod";
import { DECIMALS, type Detail } from "#compat/fastapi/wire";
import type { Contract } from "#http/contract";
import { plainAnswer, Problem } from "#http/problem";
import { createValidators, type Target } from "#http/validate";
import { valueAt } from "#http/wire/field-errors";

const DETAILS_MAX = 20;
const UNPROCESSABLE = 422;
const BAD_REQUEST = 400;

const INVALID_JSON: Detail = {
  type: "json_invalid",
  loc: ["body", 0],
  msg: "JSON decode error",
  input: {},
};
const NOT_AN_OBJECT: Detail = {
  type: "model_attributes_type",
  loc: ["body"],
  msg: "Input should be a valid dictionary or object to extract fields from",
  input: null,
};

export const word: Contract["word"] = (refusal) => {
  const { code, message, members } = refusal;
  switch (code) {
    case "malformed_json":
      return plainAnswer(refusal, { detail: [INVALID_JSON] }, UNPROCESSABLE);
    case "json_required":
      return plainAnswer(refusal, { detail: [NOT_AN_OBJECT] }, UNPROCESSABLE);
    case "validation_failed":
    case "reserved_id":
      return plainAnswer(refusal, { detail: members?.["detail"] ?? message }, UNPROCESSABLE);
    case "route_not_found":
      return plainAnswer(refusal, { detail: "Not Found" });
    case "method_not_allowed":
      return plainAnswer(refusal, { detail: "Method Not Allowed" });
    case "insufficient_stock":
    case "already_exists":
    case "limit_exceeded":
      return plainAnswer(refusal, { detail: message }, BAD_REQUEST);
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
    case "token_missing":
    case "token_invalid":
    case "token_expired":
    case "role_required":
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
    case "cursor_expired":
    case "reservation_expired":
    case "body_too_large":
    case "too_many_items":
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
      return plainAnswer(refusal, { detail: message });
  }
};

/** Validators whose refusals are lists; a path that names no possible product has none. */
export const { validate, validateBody } = createValidators((issues, input, target) => {
  if (target === "param") return unknownProduct(String(valueAt(input, ["product_id"])));
  const detail = issues.slice(0, DETAILS_MAX).map((issue) => detailOf(issue, input, target));
  const message = detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ");
  return new Problem("validation_failed", message, { members: { detail } });
});

export const unknownProduct = (productId: string): Problem =>
  new Problem("product_not_found", `Product ${productId} not found`);

function detailOf(issue: z.core.$ZodIssue, input: unknown, target: Target): Detail {
  const at = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
  const value = valueAt(input, issue.path);
  const isMissing = at.length > 0 && value === undefined;
  const [type, msg] = isMissing ? ["missing", "Field required"] : kindOf(issue);
  const given = isMissing ? valueAt(input, issue.path.slice(0, -1)) : value;
  const loc = [target === "json" ? "body" : target, ...at];
  return { type, loc, msg, input: given ?? null };
}

/** The kind of error that pydantic has for it, and its words. */
function kindOf(issue: z.core.$ZodIssue): readonly [type: string, msg: string] {
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "int") return FRACTIONAL;
      if (issue.expected === "number" && !isDecimal(issue)) return NOT_AN_INTEGER;
      return TYPES[issue.expected] ?? ["value_error", issue.message];
    case "too_small":
      if (issue.origin === "string") {
        return ["string_too_short", `String should have at least ${issue.minimum} character`];
      }
      if (issue.minimum === 1) return ["greater_than", "Input should be greater than 0"];
      return ["greater_than_equal", `Input should be greater than or equal to ${issue.minimum}`];
    case "too_big":
      if (issue.origin === "string") {
        return ["string_too_long", `String should have at most ${issue.maximum} characters`];
      }
      return ["less_than_equal", `Input should be less than or equal to ${issue.maximum}`];
    case "invalid_format":
      return ["string_pattern_mismatch", `Value ${issue.message}`];
    case "invalid_value":
    case "not_multiple_of":
    case "unrecognized_keys":
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
    case "custom":
      return ["value_error", `Value error, ${issue.message}`];
  }
}

const isDecimal = ({ path }: z.core.$ZodIssue): boolean => DECIMALS.has(path.at(-1) ?? "");

const NOT_AN_INTEGER = ["int_type", "Input should be a valid integer"] as const;
const FRACTIONAL = [
  "int_from_float",
  "Input should be a valid integer, got a number with a fractional part",
] as const;
const TYPES: Readonly<Record<string, readonly [string, string]>> = {
  string: ["string_type", "Input should be a valid string"],
  number: ["float_type", "Input should be a valid number"],
  object: [NOT_AN_OBJECT.type, NOT_AN_OBJECT.msg],
};
