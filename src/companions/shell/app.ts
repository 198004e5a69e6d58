/** What every companion answers alike: names of requests, bodies of a bounded size, errors, health. */
import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { randomId } from "#lib/ids";
import type { Log } from "#lib/log";

/** The longest body that is read (bytes): a cart of 100 lines has a tenth of it. */
const BODY_BYTES_MAX = 128 * 1024;

/** After which whoever heard 503 may ask again. */
const RETRY_AFTER_SECONDS = "1";

/** An expected answer that is no success: the status, and what the caller is told. */
export class Refused extends Error {
  readonly status: ContentfulStatusCode;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  /** `fields` stand beside `error` in the body. */
  constructor(
    status: ContentfulStatusCode,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = "Refused";
    this.status = status;
    this.fields = fields;
    this.headers = headers;
  }
}

export interface ShellEnv {
  /** What the listener hands over; nothing where no listener is. */
  readonly Bindings: {
    server?: { requestIP(request: Request): { readonly address: string } | null };
  };
  readonly Variables: { requestId: string };
}
export type ShellContext = Context<ShellEnv>;

export interface ShellOptions {
  /** Its name in words for a person, as `Service registry`. */
  readonly name: string;
  readonly version: string;
  readonly log: Log;
  /** Rejects, or answers the reason, while it cannot serve; null: it can. */
  readonly isReady: () => Promise<string | null>;
  /** Whether an error says that a server which this one needs is away: 503, and not our mistake. */
  readonly isAway: (error: unknown) => boolean;
  /** The longest body that is read; null: any, for it is passed on as it comes. */
  readonly bodyBytesMax?: number | null;
  /** Where an error is told in a body. */
  readonly errorField?: "error" | "message";
}

/** Routes are added to what this answers. Errors have the shape `{ error, requestId }`. */
export function createShell(options: ShellOptions): Hono<ShellEnv> {
  const { name, version, log, isReady, isAway, errorField = "error" } = options;
  const { bodyBytesMax = BODY_BYTES_MAX } = options;
  const told = (message: string, fields: object = {}) => ({ [errorField]: message, ...fields });
  // A slash at the end is not another path.
  const app = new Hono<ShellEnv>({ strict: false });
  app.use(async (c, next) => {
    const given = c.req.header("x-request-id") ?? "";
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : randomId(16);
    c.set("requestId", requestId);
    c.header("x-request-id", requestId);
    c.header("cache-control", "no-store");
    await next();
  });
  app.use(secureHeaders());
  if (bodyBytesMax !== null) {
    const isTooLong = `a body has at most ${bodyBytesMax} bytes`;
    app.use(bodyLimit({ maxSize: bodyBytesMax, onError: (c) => c.json(told(isTooLong), 413) }));
  }
  app.get("/health/live", (c) => c.json({ status: "UP", service: name, version }));
  app.get("/health/ready", async (c) => {
    const reason = await isReady().catch((error: unknown) => reasonOf(error));
    if (reason === null) return c.json({ status: "UP", service: name, version });
    return c.json({ status: "DOWN", service: name, version, reason }, 503);
  });
  app.notFound((c) => c.json(told(`there is no ${c.req.method} ${c.req.path}`), 404));
  app.onError((error, c) => {
    const requestId = c.get("requestId");
    if (error instanceof Refused) {
      if (error.status === 503) c.header("retry-after", RETRY_AFTER_SECONDS);
      for (const [header, value] of Object.entries(error.headers)) c.header(header, value);
      return c.json(told(error.message, { ...error.fields, requestId }), error.status);
    }
    if (error instanceof HTTPException) {
      // What it asks of the caller stands in its headers.
      error.getResponse().headers.forEach((value, header) => {
        if (header !== "content-type") c.header(header, value);
      });
      return c.json(told(error.message || "it may not be done", { requestId }), error.status);
    }
    if (isAway(error)) {
      log.warn("a server is away", { path: c.req.path, requestId, error: error.message });
      c.header("retry-after", RETRY_AFTER_SECONDS);
      return c.json(told("a server that this one needs is away", { requestId }), 503);
    }
    if (c.req.raw.signal.aborted) {
      // Nobody hears an answer, and what was cut off is no failure of ours.
      log.debug("a caller went away", { path: c.req.path, requestId, error: error.message });
      return c.json(told("the request was not sent to its end", { requestId }), 400);
    }
    log.error("a request failed", { method: c.req.method, path: c.req.path, requestId, error });
    return c.json(told("the request failed, and why is in the log", { requestId }), 500);
  });
  return app;
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : "it cannot be told";

/** The body as JSON; refused where it is none, or empty. */
export async function jsonOf(c: ShellContext): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    throw new Refused(400, "the body must be JSON");
  }
}
