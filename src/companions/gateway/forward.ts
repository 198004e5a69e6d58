/**
 * Sends a request on to an instance of its service, and its answer back, bodies as they come. Where an
 * instance fails, the next one is asked if that can do no harm: a read; a change that was never sent; and a
 * change under an `Idempotency-Key`, where the service does it once however often it comes.
 */
import { ExponentialBackoff, handleWhen, retry } from "cockatiel";
import { Breakers, InstanceFailed, type Failure } from "#companions/gateway/breakers";
import type { Instances, Place } from "#companions/gateway/instances";
import { READS, type Service, type ServiceKey } from "#companions/gateway/services";
import { Refused } from "#companions/shell/app";

/** Until the head of an answer is there: above the longest wait of a service, below who asked. */
const HEAD_MS_MAX = 12_000;
/** Likewise of a read, which another instance may answer: above the time in which the inventory does. */
const READ_HEAD_MS_MAX = 6_000;
/** All tries of one request together: below the silence after which our listener ends a connection. */
const REQUEST_MS_MAX = 25_000;
/** Of one request, with the first. */
const TRIES_MAX = 4;
const PAUSE_MS_MIN = 25;
const PAUSE_MS_MAX = 400;
/** Bodies up to this are kept, to be sent again (bytes); longer ones are sent once, as they come. */
const KEPT_BYTES_MAX = 256 * 1024;

/** Nobody listens there, in the words of Bun and of the system. */
const REFUSED = new Set(["ConnectionRefused", "ECONNREFUSED"]);
/** An instance that stops, or stands before a server that is away: another one may be well. */
const ELSEWHERE = new Set([502, 503, 504]);
const NOBODY: Failure = { mayHaveRun: false, response: null, isSilent: false };
/** RFC 9110, 7.6.1: of one connection alone. */
const OF_THE_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** What callers could lie with: the gateway says it itself, and what it does not say nobody does. */
const OF_THE_GATEWAY = ["host", "forwarded", "x-real-ip"];
const SAID_BY_THE_GATEWAY = "x-forwarded-";

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

export interface Forwarding {
  readonly request: Request;
  readonly service: Service & { readonly key: ServiceKey };
  readonly requestId: string;
  /** Of who asks. */
  readonly address: string;
}

export type Forward = (forwarding: Forwarding) => Promise<Response>;

export interface ForwardOptions {
  readonly instances: Pick<Instances, "serving">;
  readonly headMsMax?: number;
  readonly requestMsMax?: number;
}

export function createForward(options: ForwardOptions): Forward {
  const { instances, headMsMax = HEAD_MS_MAX, requestMsMax = REQUEST_MS_MAX } = options;
  const breakers = new Breakers();
  /** Whose turn it is, by service. */
  const turns = new Map<ServiceKey, number>();

  /** The next in turn that is well, and was not tried; else any that was not. */
  const next = (key: ServiceKey, tried: ReadonlySet<string>): Place | null => {
    const places = instances.serving(key);
    const turn = (turns.get(key) ?? 0) % Math.max(1, places.length);
    turns.set(key, turn + 1);
    const inTurn = [...places.slice(turn), ...places.slice(0, turn)];
    const untried = inTurn.filter(({ url }) => !tried.has(url));
    // Where each was tried, the first may be well by now.
    const left = untried.length > 0 ? untried : inTurn;
    return left.find((place) => !breakers.isOpen(place)) ?? left[0] ?? null;
  };

  return async ({ request, service, requestId, address }) => {
    const isRead = READS.has(request.method);
    const headers = headersFor(request, requestId, address);
    // As it is sent on: a caller may have named the key as one of its connection alone.
    const hasKey = service.knowsKeys && headers.has("idempotency-key");
    const body = await bodyOf(request);
    const endsAt = performance.now() + requestMsMax;
    const mayRepeat = (error: InstanceFailed): boolean =>
      body.isKept &&
      (isRead || hasKey || !error.failure.mayHaveRun) &&
      !request.signal.aborted &&
      performance.now() < endsAt;
    const tries = retry(
      handleWhen((error) => error instanceof InstanceFailed && mayRepeat(error)),
      {
        maxAttempts: TRIES_MAX - 1,
        backoff: new ExponentialBackoff({ initialDelay: PAUSE_MS_MIN, maxDelay: PAUSE_MS_MAX }),
      },
    );
    tries.onRetry((reason) => {
      const failed = "error" in reason ? reason.error : null;
      // Nobody reads what it said: its connection is free again.
      if (failed instanceof InstanceFailed) void failed.failure.response?.body?.cancel();
    });
    const tried = new Set<string>();
    try {
      return await tries.execute(async () => {
        const place = next(service.key, tried);
        if (place === null) throw new InstanceFailed(`no ${service.name} is known`, NOBODY);
        tried.add(place.url);
        const ofHead = isRead ? Math.min(headMsMax, READ_HEAD_MS_MAX) : headMsMax;
        const withinMs = Math.max(1, Math.min(ofHead, endsAt - performance.now()));
        return await breakers.run(place, () =>
          send(place, request, headers, body.read(), withinMs),
        );
      });
    } catch (error) {
      if (!(error instanceof InstanceFailed)) throw error;
      // What it said is said on: its own words tell more than ours.
      const { response, mayHaveRun } = error.failure;
      if (response !== null) return answerOf(response);
      if (!mayHaveRun) throw new Refused(503, `${service.name} is away`);
      if (isRead) throw new Refused(504, `${service.name} did not answer in time`);
      throw new Refused(504, `${service.name} did not answer: whether it was done is not known`, {
        code: "outcome_unknown",
      });
    }
  };

  async function send(
    place: Place,
    request: Request,
    headers: Headers,
    body: ArrayBuffer | ReadableStream | null,
    withinMs: number,
  ): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const giveUp = new AbortController();
    const onAbort = (): void => giveUp.abort();
    request.signal.addEventListener("abort", onAbort);
    const late = setTimeout(onAbort, withinMs);
    try {
      const response = await fetch(`${place.url}${pathname}${search}`, {
        method: request.method,
        headers,
        body,
        redirect: "manual",
        signal: giveUp.signal,
        decompress: false,
      });
      if (!ELSEWHERE.has(response.status)) return answerOf(response);
      const failure = { mayHaveRun: true, response, isSilent: false };
      throw new InstanceFailed(`${place.instanceId} answered ${response.status}`, failure);
    } catch (error) {
      if (error instanceof InstanceFailed) throw error;
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      // Nobody listens there: nothing was sent.
      throw new InstanceFailed(`${place.instanceId}: ${code}`, {
        mayHaveRun: !REFUSED.has(code),
        response: null,
        isSilent: !request.signal.aborted,
      });
    } finally {
      clearTimeout(late);
    }
  }
}

/** A body that can be read once for each try; one that is too long for that is sent as it comes. */
async function bodyOf(
  request: Request,
): Promise<{ isKept: boolean; read(): ArrayBuffer | ReadableStream | null }> {
  const { body, method } = request;
  if (body === null || method === "GET" || method === "HEAD") {
    return { isKept: true, read: () => null };
  }
  const length = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
  if (length > KEPT_BYTES_MAX) return { isKept: false, read: () => body };
  const bytes = await request.arrayBuffer();
  return { isKept: true, read: () => bytes };
}

function headersFor(request: Request, requestId: string, address: string): Headers {
  const headers = new Headers(request.headers);
  // Also what the caller names as of its connection; what is no name of a header names nothing.
  const named = (headers.get("connection") ?? "").split(",").map((name) => name.trim());
  const made = [...headers.keys()].filter((name) => name.startsWith(SAID_BY_THE_GATEWAY));
  for (const name of [...named, ...made, ...OF_THE_CONNECTION, ...OF_THE_GATEWAY]) {
    if (HEADER_NAME.test(name)) headers.delete(name);
  }
  const { host, protocol } = new URL(request.url);
  headers.set("x-request-id", requestId);
  headers.set("x-forwarded-for", address);
  headers.set("x-forwarded-host", host);
  headers.set("x-forwarded-proto", protocol.slice(0, -1));
  return headers;
}

function answerOf(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of OF_THE_CONNECTION) headers.delete(name);
  return new Response(response.body, { status: response.status, headers });
}
