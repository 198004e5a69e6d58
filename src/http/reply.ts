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
  const own = c.get("request").headers;
  return new Response(text, { status, headers: { ...CONSTANT_HEADERS, ...own, ...headers } });
}

/** Answers with a problem: for refusals that are expected, hence not thrown. */
export function refuse(
  c: EdgeContext,
  code: ProblemCode,
  message: string,
  members?: Members,
  extra?: HeaderFields,
): Response {
  const { requestId } = c.get("request");
  const { status, body, headers } = problemAnswer(code, message, requestId, members);
  return reply(c, status, body, { ...headers, ...extra });
}

/** Header that tells a first answer from a repeated one. */
export function replayHeader(replayed: boolean): HeaderFields | undefined {
  return replayed ? { "idempotency-replayed": "true" } : undefined;
}

/** Header that tells how far behind the ledger was; none when it was not. */
export function lagHeader(lag: number): HeaderFields | undefined {
  return lag === 0 ? undefined : { "ledger-lag": String(lag) };
}
