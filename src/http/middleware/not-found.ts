import type { EdgeContext } from "#http/env";
import type { Cors } from "#http/middleware/cors";
import { refuse, replyText } from "#http/reply";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export interface Unmatched {
  /** Whether some route takes this method at this path. */
  readonly takes: (method: string, path: string) => boolean;
  readonly cors: Cors;
}

/** What no route took: OPTIONS, a wrong method (405 with `Allow`), or an unknown path. */
export function answerUnmatched(c: EdgeContext, { takes, cors }: Unmatched): Response {
  const { method, path } = c.req;
  const methods = METHODS.filter((candidate) => takes(candidate, path));
  if (methods.length === 0) {
    return refuse(c, "route_not_found", "there is nothing at this path");
  }
  if (methods.includes("GET")) methods.push("HEAD");
  const allow = [...methods, "OPTIONS"].join(", ");
  if (method === "OPTIONS") {
    return replyText(c, 204, null, { allow, ...cors.preflight(c.req.header("origin"), allow) });
  }
  return refuse(c, "method_not_allowed", `this path takes ${allow}`, undefined, { allow });
}
