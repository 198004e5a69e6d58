import { HTTPException } from "hono/http-exception";
import type { EdgeContext } from "#http/env";
import type { FailureLog } from "#http/middleware/failure-log";
import { Problem } from "#http/problem";
import type { Contract, Refusal } from "#http/contract";
import type { Answer } from "#http/reply";
import { Fault } from "#inventory/faults";
import type { Log } from "#lib/log";

/**
 * Tells what was thrown, and has the contract word it. Faults of ours that lie behind the caller's back are logged a
 * few a second; a bug is logged with everything and answered with nothing but its request id.
 */
export function createOnError(log: Log, failures: FailureLog, word: Contract["word"]) {
  const refusalOf = (error: unknown, c: EdgeContext): Refusal => {
    if (error instanceof Problem) return error;
    const { requestId } = c.get("request");
    const { method, path } = c.req;
    if (error instanceof Fault) {
      if (error.retryable && error.code !== "rate_limited") {
        const { code, message, cause } = error;
        failures(code, "a request failed", {
          requestId,
          method,
          path,
          code,
          reason: message,
          cause,
        });
      }
      const { code, message, errors } = error;
      return { code, message, ...(errors.length > 0 ? { members: { errors } } : {}) };
    }
    // The one that hono's validator throws by itself.
    if (error instanceof HTTPException && error.status === 400) {
      return { code: "malformed_json", message: "the body is not valid JSON" };
    }
    log.error("a request met a bug", { error, requestId, method, path });
    const message = "this is our mistake; the request id finds it in our logs";
    return { code: "internal_error", message };
  };
  return (error: unknown, c: EdgeContext): Answer => word(refusalOf(error, c), c);
}
