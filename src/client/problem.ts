/** What a call fails with. */
import type { ProblemBody } from "#http/api";

/** The service refused: `code` says why, `problem` has the members that go with it. */
export class HoldfastProblem extends Error {
  override readonly name = "HoldfastProblem";
  readonly status: number;
  /** Stable, such as `insufficient_stock`; `unknown` where something else than the service answered. */
  readonly code: string;
  /** Whether the same call, under the same key, may be answered otherwise later. */
  readonly retryable: boolean;
  /** Finds the call in the service's logs. */
  readonly requestId: string | null;
  /** Milliseconds after which the service wants to be asked again; 0 where it does not say. */
  readonly retryAfterMs: number;
  readonly problem: Partial<ProblemBody>;

  constructor(status: number, problem: Partial<ProblemBody>, retryAfterMs = 0) {
    super(problem.message ?? `the service answered ${status}`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.retryable = problem.retryable ?? RETRYABLE.has(status);
    this.requestId = problem.requestId ?? null;
    this.retryAfterMs = retryAfterMs;
    this.problem = problem;
  }
}

/** Nobody answered within the call's deadline: whether it happened is not known. */
export class HoldfastUnanswered extends Error {
  override readonly name = "HoldfastUnanswered";
  /** Repeat a change under it, and it happens once; null for a call that changes nothing. */
  readonly idempotencyKey: string | null;

  constructor(message: string, idempotencyKey: string | null, cause?: unknown) {
    super(message, { cause });
    this.idempotencyKey = idempotencyKey;
  }
}

/** Answers that another attempt may change, whoever gave them. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Reads a refusal; a body that is no problem is one without members. */
export function problemOf(status: number, headers: Headers, text: string): HoldfastProblem {
  const body = jsonOf(text);
  const seconds = /^\d{1,5}$/.exec(headers.get("retry-after") ?? "")?.[0] ?? "0";
  return new HoldfastProblem(status, isProblem(body) ? body : {}, Number(seconds) * 1_000);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isProblem = (body: unknown): body is ProblemBody =>
  typeof body === "object" &&
  body !== null &&
  "code" in body &&
  typeof body.code === "string" &&
  "message" in body &&
  typeof body.message === "string";
