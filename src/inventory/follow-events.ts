import type { Deps, ReadContext } from "#inventory/context";
import { passes, type EventFilter } from "#inventory/event-filter";
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
  { productId, ...query }: EventQuery & EventFilter,
  { waitMs, gone }: { readonly waitMs: number; readonly gone: AbortSignal },
): Promise<EventPage> {
  const { events, eventTail, clock } = deps;
  const until = Math.min(clock.now() + waitMs, ctx.deadline - ANSWER_MS);
  const filter = { types: query.types, productId };
  /** On and on while pages are full of what is about other products. */
  const read = async (from: string | null): Promise<EventPage> => {
    let after = from;
    for (;;) {
      const found = await events.events({ ...query, after }, ctx.deadline);
      if (productId === null || found.kind === "gone") return found;
      const own = found.events.filter((event) => passes(event, filter));
      const isAll = found.events.length < query.limit;
      if (isAll || own.length > 0 || clock.now() >= ctx.deadline - ANSWER_MS) {
        return { ...found, events: own };
      }
      after = found.cursor;
    }
  };
  let page = await read(query.after);
  if (isAnswer(page) || until <= clock.now()) return page;
  using waiter = await eventTail.join(query.types);
  do {
    const after = page.kind === "events" ? page.cursor : query.after;
    page = await read(after);
  } while (!isAnswer(page) && (await waiter.news(until - clock.now(), gone)));
  return page;
}

const isAnswer = (page: EventPage): boolean => page.kind === "gone" || page.events.length > 0;
