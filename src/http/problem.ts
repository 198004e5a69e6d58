/** Everything that may go wrong, worded once: RFC 9457 bodies with a stable code. */
import { Fault, type FaultCode, type FieldError } from "#inventory/faults";

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** Seconds until it is worth trying again; on every 429 and 503. */
  readonly retryAfter?: number;
  /** Up to so many seconds more, by chance: who was refused together does not come back together. */
  readonly spread?: number;
}

const PROBLEMS = {
  malformed_json: { status: 400, title: "The body is not valid JSON" },
  validation_failed: { status: 400, title: "The request is not valid" },
  reserved_id: { status: 400, title: "This id is a word of the API" },
  token_missing: { status: 401, title: "A bearer token is required" },
  token_invalid: { status: 401, title: "The token is not valid" },
  token_expired: { status: 401, title: "The token has expired" },
  role_required: { status: 403, title: "The caller's role does not allow this" },
  route_not_found: { status: 404, title: "There is no such path" },
  product_not_found: { status: 404, title: "There is no such product" },
  product_not_yet_created: { status: 404, title: "There was no such product then" },
  history_not_kept: { status: 404, title: "The movements of that time are not kept" },
  campaign_not_found: { status: 404, title: "There is no such campaign" },
  incoming_not_found: { status: 404, title: "No such stock is expected" },
  limit_not_found: { status: 404, title: "There is no such limit" },
  location_not_found: { status: 404, title: "There is no such location" },
  pseudonymization_not_found: { status: 404, title: "There is no such pseudonymization" },
  reservation_not_found: { status: 404, title: "There is no such reservation" },
  run_not_found: { status: 404, title: "There is no such run" },
  method_not_allowed: { status: 405, title: "The path does not take this method" },
  insufficient_stock: { status: 409, title: "There is not enough stock" },
  waitlist: { status: 409, title: "Others wait for it" },
  units_available: { status: 409, title: "The units are there to be reserved" },
  exceeds_held: { status: 409, title: "The reservation holds fewer units" },
  already_exists: { status: 409, title: "It exists already" },
  reservation_confirmed: { status: 409, title: "The reservation is confirmed" },
  reservation_cancelled: { status: 409, title: "The reservation is cancelled" },
  reservation_replaced: { status: 409, title: "The reservation was replaced by a newer one" },
  reservation_reassigned: { status: 409, title: "The reservation went over to another owner" },
  reservation_standing: { status: 409, title: "The reservation never ends by itself" },
  extended_too_often: { status: 409, title: "The reservation was extended too often" },
  order_already_confirmed: { status: 409, title: "The order's stock is sold already" },
  below_reserved: { status: 409, title: "Stock would fall below what is held" },
  live_holds: { status: 409, title: "The customer has live holds" },
  expected_mismatch: { status: 409, title: "It is not what the caller expected" },
  counted_since: { status: 409, title: "It was counted again later" },
  campaign_not_started: { status: 409, title: "The campaign has not started" },
  campaign_ended: { status: 409, title: "The campaign is over" },
  campaign_begun: { status: 409, title: "The campaign has started" },
  product_not_in_campaign: { status: 409, title: "The campaign has no such product" },
  limit_exceeded: { status: 409, title: "A limit would be exceeded" },
  cursor_expired: { status: 410, title: "What follows the cursor is not kept any more" },
  reservation_expired: { status: 410, title: "The reservation has expired" },
  body_too_large: { status: 413, title: "The body is too large" },
  too_many_items: { status: 413, title: "There are too many items" },
  json_required: { status: 415, title: "The body must be application/json" },
  idempotency_key_reused: { status: 422, title: "The key was used for another request" },
  cart_spans_partitions: { status: 422, title: "The cart's products live apart" },
  limit_spans_partitions: { status: 422, title: "The limit's products live apart" },
  rate_limited: { status: 429, title: "Too many requests", retryAfter: 1 },
  internal_error: { status: 500, title: "Something went wrong here" },
  partition_fenced: {
    status: 503,
    title: "This part of the stock is being rebuilt",
    retryAfter: 2,
  },
  redis_unavailable: { status: 503, title: "The stock cannot be reached", retryAfter: 1 },
  ledger_unavailable: { status: 503, title: "The ledger cannot be reached", retryAfter: 1 },
  journal_full: { status: 503, title: "The ledger is too far behind", retryAfter: 5, spread: 5 },
  overloaded: { status: 503, title: "Too much is going on", retryAfter: 1, spread: 2 },
  stopping: { status: 503, title: "This process is stopping", retryAfter: 1 },
  outcome_unknown: { status: 504, title: "Whether it happened is not known" },
} as const satisfies Record<FaultCode, ProblemKind> & Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Every code, for tests and documents. */
export const PROBLEM_CODES: readonly ProblemCode[] = Object.keys(PROBLEMS).filter(
  (code): code is ProblemCode => code in PROBLEMS,
);

/** What a problem says beyond its code, such as `lines` or `reservation`. */
export type Members = Readonly<Record<string, unknown>>;
export type HeaderFields = Readonly<Record<string, string>>;

/** A refusal by the HTTP layer itself. The core's are outcomes and Faults. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly members: Members;
  readonly headers: HeaderFields;

  constructor(
    code: ProblemCode,
    message: string,
    more: { members?: Members; headers?: HeaderFields } = {},
  ) {
    super(message);
    this.code = code;
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
  }
}

/** A refusal as it goes out. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: Members;
}

/** Words a problem. `message` repeats `detail` for clients older than RFC 9457. */
export function problemAnswer(
  code: ProblemCode,
  message: string,
  requestId: string,
  members: Members = {},
): ProblemAnswer {
  const kind: ProblemKind = PROBLEMS[code];
  const { status, title } = kind;
  const wait = waitOf(kind);
  const headers = { "content-type": "application/problem+json", ...wait };
  const retryable = kind.retryAfter !== undefined || status === 504;
  const type = `/problems/${code}`;
  // `error` is what callers of the registry stack read, who share paths with contract A.
  const words = { detail: message, code, message, error: message };
  const body = { type, title, status, ...words, requestId, retryable };
  return { status, headers, body: { ...body, ...members } };
}

/** Status and headers of a refusal, for contracts that word its body themselves. */
export function plainAnswer(
  { code, headers }: { readonly code: ProblemCode; readonly headers?: HeaderFields | undefined },
  body: object,
  status: number = PROBLEMS[code].status,
) {
  return { status, body, headers: { ...waitOf(PROBLEMS[code]), ...headers } };
}

function waitOf({ retryAfter, spread = 0 }: ProblemKind): HeaderFields {
  if (retryAfter === undefined) return {};
  const seconds = retryAfter + Math.floor(Math.random() * (spread + 1));
  return { "retry-after": String(seconds) };
}

/** The key has an effect already, and it was another one. */
export const KEY_REUSED = "this Idempotency-Key was used with another body";
export const keyReused = (): Problem => new Problem("idempotency_key_reused", KEY_REUSED);

/** `validation_failed` for a header or a field that no schema reads. */
export function invalid(path: string, message: string): Fault {
  const errors: FieldError[] = [{ path, message }];
  return new Fault("validation_failed", `${path} ${message}`, { errors });
}
