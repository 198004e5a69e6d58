import type { Deps, ReadContext } from "#inventory/context";
import type { EventPage, EventQuery } from "#inventory/ports";

/** Longest wait that a caller may ask for: the listener closes what is silent for 10 s. */
export const EVENT_WAIT_SECONDS_MAX = 8;
/** Of a caller's deadline, what is kept for the last read and the answer. */
const ANSWER_MS = 500;

/**
 * Events behind a cursor; where there is none, waits for one up to `waitMs` and not past the
 * deadline. It ends at once, with what there is, when the caller is gone or the process stops.
 * Rejects with `overloaded` when too many wait already.
 */
export async function followEvents(
  deps: Pick<Deps, "events" | "eventTail" | "clock">,
  ctx: ReadContext,
  query: EventQuery,
  { waitMs, gone }: { readonly waitMs: number; readonly gone: AbortSignal },
): Promise<EventPage> {
  const { events, eventTail, clock } = deps;
  const until = Math.min(clock.now() + waitMs, ctx.deadline - ANSWER_MS);
  let page = await events.events(query, ctx.deadline);
  if (isAnswer(page) || until <= clock.now()) return page;
  using waiter = await eventTail.join(query.types);
  do {
    const after = page.kind === "events" ? page.cursor : query.after;
    page = await events.events({ ...query, after }, ctx.deadline);
  } while (!isAnswer(page) && (await waiter.news(until - clock.now(), gone)));
  return page;
}

const isAnswer = (page: EventPage): boolean => page.kind === "gone" || page.events.length > 0;
