/** One call as several attempts: the same request under the same key, until the deadline. */
import { HoldfastProblem, HoldfastUnanswered, problemOf } from "#client/problem";

export interface AttemptOptions {
  /** Milliseconds for a call with all its attempts. */
  readonly deadlineMs: number;
  /** Milliseconds for one attempt; above the service's own deadline, so that it can say so. */
  readonly attemptMs: number;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Methods without a body, which change nothing. */
export const READS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

const NOT_MODIFIED = 304;
/** Answers that are longer than memory: whoever asks for one reads it piece by piece. */
const STREAM_PATH = /\/movements\/export$/;
const EVENT_STREAM = "text/event-stream";
/** Far above the largest answer, a page of 1 000 products. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** First pause between attempts; it doubles up to the longest, and half of it is chance. */
const PAUSE_MS = 50;
const PAUSE_MS_MAX = 1_000;

/**
 * Sends the request until an answer is certain. Answers what succeeded; throws HoldfastProblem for
 * a refusal, HoldfastUnanswered when the deadline comes first.
 */
export async function attempt(request: Request, options: AttemptOptions): Promise<Response> {
  const endsAt = performance.now() + options.deadlineMs;
  const key = request.headers.get("idempotency-key");
  for (let count = 0; ; count += 1) {
    const failure = await once(request, options, endsAt);
    if (failure instanceof Response) return failure;
    request.signal.throwIfAborted();
    if (failure instanceof HoldfastProblem && !failure.retryable) throw failure;
    const pause = pauseOf(failure, count);
    if (performance.now() + pause >= endsAt) {
      // Nothing is known of an answer that says so, nor of none.
      if (failure instanceof HoldfastProblem && failure.status !== 504) throw failure;
      const message = `no certain answer to ${request.method} ${request.url} in time`;
      throw new HoldfastUnanswered(message, key, failure);
    }
    await sleep(pause, request.signal);
    request.signal.throwIfAborted();
  }
}

/** What succeeded, or why it did not. */
async function once(
  request: Request,
  { fetch, attemptMs }: AttemptOptions,
  endsAt: number,
): Promise<Response | HoldfastProblem | Error> {
  // Node takes whole milliseconds alone.
  const left = Math.ceil(Math.max(1, Math.min(attemptMs, endsAt - performance.now())));
  const { url, method, headers } = request;
  const isStream =
    STREAM_PATH.test(new URL(url).pathname) || headers.get("accept") === EVENT_STREAM;
  const limit = isStream ? untilBegun(left) : { signal: AbortSignal.timeout(left), clear() {} };
  const signal = AbortSignal.any([request.signal, limit.signal]);
  try {
    const body = READS.has(method) ? null : await request.clone().text();
    // The service redirects nobody: whoever does is not the service.
    const again = new Request(url, { method, headers, body, signal, redirect: "manual" });
    const response = await fetch(again);
    const { status, ok } = response;
    if (ok && isStream) return response;
    // Half an answer is none: the whole of it is read here, where it can be asked for again.
    const text = await textOf(response, ANSWER_BYTES_MAX);
    if (!ok && status !== NOT_MODIFIED) return problemOf(status, response.headers, text);
    return new Response(text === "" ? null : text, { status, headers: response.headers });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    limit.clear();
  }
}

/** As `AbortSignal.timeout`, and over when the answer has begun: a stream lasts as long as it does. */
function untilBegun(ms: number) {
  const controller = new AbortController();
  const late = (): void => controller.abort(new DOMException("no answer in time", "TimeoutError"));
  const timer = setTimeout(late, ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** The body as text; throws where it is longer than any of the service's. */
async function textOf({ body }: Response, bytesMax: number): Promise<string> {
  if (body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new RangeError(`the answer has more than ${bytesMax} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** As long as the service asks for, else longer each time. */
function pauseOf(failure: Error, count: number): number {
  const asked = failure instanceof HoldfastProblem ? failure.retryAfterMs : 0;
  const own = Math.min(PAUSE_MS * 2 ** count, PAUSE_MS_MAX);
  return asked + own / 2 + (own / 2) * Math.random();
}

/** Until then, or until the signal says that nobody waits any more. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", end);
  });
}
