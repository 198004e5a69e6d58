/** Following the feed of events: one page after the other, however long it is quiet or away. */
import { sleep } from "#client/attempts";
import { HoldfastProblem, HoldfastUnanswered } from "#client/problem";
import type { Event } from "#http/api";

/** Seconds that the service may wait for an event: the most that it takes. */
const WAIT_SECONDS = "8";
/** Before the feed is asked again, when a call and all its attempts were in vain. */
const PAUSE_MS = 1_000;

export interface EventPage {
  readonly events: readonly Event[];
  /** Behind the last of them: keep it with what was made of the page, and go on from there. */
  readonly cursor: string;
}

export interface FollowOptions {
  /** The cursor of the page before; `latest`: from now on; without it from the first that is kept. */
  readonly after?: string;
  readonly types?: readonly Event["type"][];
  /** Only what is about that product. */
  readonly productId?: string;
  /** Events of one page; 100 without it, 1 000 at most. */
  readonly limit?: number;
  /** Ends the feed, which is no failure. */
  readonly signal?: AbortSignal;
}

interface EventCalls {
  readonly events: {
    $get(
      args: {
        query: { wait: string; after?: string; types?: string; productId?: string; limit?: string };
      },
      options: { init?: RequestInit },
    ): Promise<{ json(): Promise<EventPage> }>;
  };
}

/**
 * Every page with an event in it, in order, none twice and none left out, until the signal ends it.
 * While the service is away it is asked again and again; whatever another attempt cannot change is
 * thrown, such as `cursor_expired`, where what followed the cursor is not kept any more.
 */
export async function* followEvents(
  client: EventCalls,
  { after, types, productId, limit, signal }: FollowOptions = {},
): AsyncGenerator<EventPage, void, undefined> {
  const filter = {
    ...(types === undefined ? {} : { types: types.join(",") }),
    ...(productId === undefined ? {} : { productId }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
  };
  let cursor = after;
  for (;;) {
    if (signal?.aborted === true) return;
    const place = cursor === undefined ? {} : { after: cursor };
    const page = await pageOf(client, { wait: WAIT_SECONDS, ...place, ...filter }, signal);
    if (page === null) {
      await sleep(PAUSE_MS, signal ?? new AbortController().signal);
      continue;
    }
    if (page.events.length > 0) yield page;
    ({ cursor } = page);
  }
}

/** null: it has to be asked again, if anybody still waits for it. */
async function pageOf(
  client: EventCalls,
  query: Parameters<EventCalls["events"]["$get"]>[0]["query"],
  signal: AbortSignal | undefined,
): Promise<EventPage | null> {
  // A signal of each call's own: Node would keep something of every call with one that lives on.
  const own = new AbortController();
  const end = (): void => own.abort(signal?.reason);
  signal?.addEventListener("abort", end);
  try {
    return await (await client.events.$get({ query }, { init: { signal: own.signal } })).json();
  } catch (error) {
    if (own.signal.aborted) return null;
    const isAway = error instanceof HoldfastUnanswered;
    if (isAway || (error instanceof HoldfastProblem && error.retryable)) return null;
    throw error;
  } finally {
    signal?.removeEventListener("abort", end);
  }
}
