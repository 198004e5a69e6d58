/**
 * Refusals in contract D's words: Nest's, and three numbers of its own. The service it replaces said
 * 404 of a wrong method too; 405 in the same shape tells the caller more, and `Allow` with it.
 */
import { STATUS_CODES } from "node:http";
import type { z } from "zod";
import type { Contract, Refusal } from "#http/contract";
import { plainAnswer, Problem } from "#http/problem";
import type { Answer } from "#http/reply";
import { createValidators } from "#http/validate";
import { valueAt } from "#http/wire/field-errors";

const BAD_REQUEST = 400;
const MESSAGES_MAX = 20;

export const word: Contract["word"] = (refusal, c) => {
  const { code, message, members } = refusal;
  switch (code) {
    case "product_not_found":
      return numbered(refusal, 601, "Product not found");
    case "insufficient_stock":
      return numbered(refusal, 602, "Product not available");
    case "reservation_not_found":
      return numbered(refusal, 603, "No more reserve product");
    case "validation_failed":
    case "reserved_id":
      return nest(refusal, members?.["messages"] ?? [message], BAD_REQUEST);
    case "json_required":
      // It read no body but JSON, and then missed every field of it.
      return nest(refusal, [message], BAD_REQUEST);
    case "route_not_found":
      return nest(refusal, `Cannot ${c.req.method} ${c.req.path}`);
    case "malformed_json":
    case "method_not_allowed":
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
    case "token_missing":
    case "token_invalid":
    case "token_expired":
    case "role_required":
    case "already_exists":
    case "limit_exceeded":
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
      return nest(refusal, message);
  }
};

const numbered = (refusal: Refusal, statusCode: number, message: string): Answer =>
  plainAnswer(refusal, { statusCode, message }, BAD_REQUEST);

function nest(refusal: Refusal, message: unknown, given?: number): Answer {
  const { status, headers } = plainAnswer(refusal, {}, given);
  return { status, headers, body: { message, error: STATUS_CODES[status], statusCode: status } };
}

/** Validators whose refusals are lists; a path that names no possible product has none. */
export const { validate, validateBody } = createValidators((issues, input, target) => {
  if (target === "param") return unknownProduct();
  const messages = [...new Set(issues.map((issue) => messageOf(issue, input)))];
  return new Problem("validation_failed", messages.join("; "), {
    members: { messages: messages.slice(0, MESSAGES_MAX) },
  });
});

export const unknownProduct = (): Problem =>
  new Problem("product_not_found", "there is no such product");

/** What class-validator says of it. All bodies are flat. */
function messageOf(issue: z.core.$ZodIssue, input: unknown): string {
  const [key] = issue.path;
  if (key === undefined) return "the body must be an object";
  const field = String(key);
  if ((valueAt(input, [key]) ?? "") === "") return `${field} should not be empty`;
  return `${field} ${rule(issue)}`;
}

function rule(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "string") return "must be a string";
      if (issue.expected === "int") return "must be an integer number";
      return "must be a number conforming to the specified constraints";
    case "too_small":
      return "must be a positive number";
    case "too_big":
      if (issue.origin !== "string") return `must not be greater than ${issue.maximum}`;
      return `must be shorter than or equal to ${issue.maximum} characters`;
    case "invalid_value":
      return `must be one of the following values: ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
    case "not_multiple_of":
    case "unrecognized_keys":
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
    case "custom":
      return issue.message;
  }
}
