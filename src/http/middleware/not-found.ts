import type { EdgeContext } from "#http/env";
import type { Cors } from "#http/middleware/cors";
import type { Contract } from "#http/contract";
import { replyText, send } from "#http/reply";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export interface Unmatched {
  /** Whether some route takes this method at this path. */
  readonly takes: (method: string, path: string) => boolean;
  readonly cors: Cors;
  readonly word: Contract["word"];
}

/** What no route took: OPTIONS, a wrong method (405 with `Allow`), or an unknown path. */
export function answerUnmatched(c: EdgeContext, { takes, cors, word }: Unmatched): Response {
  const { method, path } = c.req;
  const methods = METHODS.filter((candidate) => takes(candidate, path));
  if (methods.length === 0) {
    const message = "there is nothing at this path";
    return send(c, word({ code: "route_not_found", message }, c));
  }
  if (methods.includes("GET")) methods.push("HEAD");
  const allow = [...methods, "OPTIONS"].join(", ");
  if (method === "OPTIONS") {
    return replyText(c, 204, null, { allow, ...cors.preflight(c.req.header("origin"), allow) });
  }
  const message = `this path takes ${allow}`;
  return send(c, word({ code: "method_not_allowed", message, headers: { allow } }, c));
}
