import { HTTPException } from "hono/http-exception";
import type { EdgeContext } from "#http/env";
import type { FailureLog } from "#http/middleware/failure-log";
import { Problem } from "#http/problem";
import { refusal, type Answer } from "#http/reply";
import { Fault } from "#inventory/faults";
import type { Log } from "#lib/log";

/**
 * Words everything that was thrown. Faults of ours that lie behind the caller's back are logged a
 * few a second; a bug is logged with everything and answered with nothing but its request id.
 */
export function createOnError(log: Log, failures: FailureLog) {
  return (error: unknown, c: EdgeContext): Answer => {
    if (error instanceof Problem) {
      return refusal(c, error.code, error.message, error.members, error.headers);
    }
    const { requestId } = c.get("request");
    const { method, path } = c.req;
    if (error instanceof Fault) {
      if (error.retryable) {
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
      const { errors } = error;
      return refusal(c, error.code, error.message, errors.length > 0 ? { errors } : undefined);
    }
    // The one that hono's validator throws by itself.
    if (error instanceof HTTPException && error.status === 400) {
      return refusal(c, "malformed_json", "the body is not valid JSON");
    }
    log.error("a request met a bug", { error, requestId, method, path });
    return refusal(c, "internal_error", "this is our mistake; the request id finds it in our logs");
  };
}
