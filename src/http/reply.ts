/** The only place where answers become Responses: one plain object in, one Response out. */
import type { EdgeContext } from "#http/env";
import { problemAnswer, type HeaderFields, type Members, type ProblemCode } from "#http/problem";

/** For every answer: nothing here may be cached, sniffed, framed or run. */
const CONSTANT_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/** An answer as data: what `send` makes a Response of, and what a bulk call gathers. */
export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: HeaderFields | undefined;
}

/** Answers with what was worded. */
export function send(c: EdgeContext, { status, body, headers }: Answer): Response {
  return reply(c, status, body, headers);
}

/** Answers with JSON. `headers` may override the constant ones. */
export function reply(
  c: EdgeContext,
  status: number,
  body: object,
  headers?: HeaderFields,
): Response {
  return replyText(c, status, JSON.stringify(body), headers);
}

/** Answers with text that is made already; null for none. */
export function replyText(
  c: EdgeContext,
  status: number,
  text: string | null,
  headers?: HeaderFields,
): Response {
  const { headers: own, level } = c.get("request");
  const all: Record<string, string> = { ...CONSTANT_HEADERS, ...own, ...headers };
  // A refusal changed nothing, and what became of a 504 nobody knows.
  if (level !== null && status < 300) all["durability"] = level();
  return new Response(text, { status, headers: all });
}

/** Answers 200 with a body that is made while it is sent. */
export function replyStream(
  c: EdgeContext,
  body: ReadableStream<Uint8Array>,
  headers: HeaderFields,
): Response {
  const own = c.get("request").headers;
  return new Response(body, { headers: { ...CONSTANT_HEADERS, ...own, ...headers } });
}

/** Words a problem: for refusals that are expected, hence not thrown. */
export function refusal(
  c: EdgeContext,
  code: ProblemCode,
  message: string,
  members?: Members,
  extra?: HeaderFields,
): Answer {
  const { requestId } = c.get("request");
  const { headers, ...problem } = problemAnswer(code, message, requestId, members);
  return { ...problem, headers: { ...headers, ...extra } };
}

/** Answers with a problem. */
export function refuse(
  c: EdgeContext,
  code: ProblemCode,
  message: string,
  members?: Members,
  extra?: HeaderFields,
): Response {
  return send(c, refusal(c, code, message, members, extra));
}

/** Header that tells a first answer from a repeated one. */
export function replayHeader(replayed: boolean): HeaderFields | undefined {
  return replayed ? { "idempotency-replayed": "true" } : undefined;
}

/** Whether the answer is an earlier one again. */
export function isReplay({ headers }: Answer): boolean {
  return headers?.["idempotency-replayed"] !== undefined;
}

/** Header that leads to the next rows of a list; none behind the last. */
export function nextLink(path: string, cursor: string | null): HeaderFields | undefined {
  if (cursor === null) return undefined;
  return { link: `<${path}?cursor=${encodeURIComponent(cursor)}>; rel="next"` };
}

/** Header that tells how far behind the ledger was; none when it was not. */
export function lagHeader(lag: number): HeaderFields | undefined {
  return lag === 0 ? undefined : { "ledger-lag": String(lag) };
}
