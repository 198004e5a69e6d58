/** The feed as server-sent events: `id` is the cursor behind an event, `data` is the event. */
import type { EdgeContext } from "#http/env";
import { refuse, replyStream, replyText } from "#http/reply";
import { bytesOf, EVENT_STREAM, type Streams } from "#http/streams";
import { eventOf } from "#http/wire/objects";
import type { HeardEvent } from "#inventory/event-cursor";
import type { EventFeed } from "#inventory/event-feed";
import type { EventFilter } from "#inventory/event-filter";

/** Who loses its stream, and was not told more, comes back after this. */
const RETRY_MS = 1_000;
/** A proxy in front shall pass each event on at once. */
const HEADERS = { "content-type": EVENT_STREAM, "x-accel-buffering": "no" };
export const GONE = "events behind this cursor were put away; begin again without one";

/** Whether it is asked for: a browser's EventSource says so by itself. */
export const wantsStream = (c: EdgeContext): boolean =>
  c.req.header("accept")?.includes(EVENT_STREAM) ?? false;

export interface EventStreamOptions {
  readonly feed: EventFeed;
  readonly streams: Streams;
  readonly filter: EventFilter;
  readonly after: string | null;
  readonly holdsFor: () => Promise<number>;
}

/** Answers with what comes behind `after`, until one of both ends. */
export async function streamEvents(
  c: EdgeContext,
  { feed, streams, filter, after, holdsFor }: EventStreamOptions,
): Promise<Response> {
  if (c.req.method === "HEAD") return replyText(c, 200, null, HEADERS);
  let told: string | null = null;
  let leave = (): void => undefined;
  const stream = streams.open({
    signal: c.req.raw.signal,
    heartbeat: () => heartbeatAt(told),
    holdsFor,
    onEnd: () => leave(),
  });
  try {
    const found = await feed.begin(after, filter, c.get("request"));
    if (found.kind === "gone") {
      stream.end();
      return refuse(c, "cursor_expired", GONE);
    }
    told = found.cursor;
    stream.write(beginningAt(told));
    leave = found.follow({
      hear(events, cursor) {
        told = cursor;
        if (events.length > 0) stream.write(framesOf(events));
      },
      taken: () => stream.taken(),
      cut: () => stream.end(),
    });
    return replyStream(c, stream.body, HEADERS);
  } catch (error) {
    stream.end();
    throw error;
  }
}

const written = new WeakMap<readonly HeardEvent[], Uint8Array<ArrayBuffer>>();
const writtenOne = new WeakMap<HeardEvent, string>();

/** Written once for all who hear the same events. */
function framesOf(events: readonly HeardEvent[]): Uint8Array<ArrayBuffer> {
  const known = written.get(events);
  if (known !== undefined) return known;
  const frames = bytesOf(events.map(frameOf).join(""));
  written.set(events, frames);
  return frames;
}

function frameOf(heard: HeardEvent): string {
  const known = writtenOne.get(heard);
  if (known !== undefined) return known;
  const frame = `id: ${heard.cursor}\ndata: ${JSON.stringify(eventOf(heard.event))}\n\n`;
  writtenOne.set(heard, frame);
  return frame;
}

/** An id without data is no event: the reader only goes on from there when it comes back. */
const beginningAt = (cursor: string | null): Uint8Array<ArrayBuffer> =>
  bytesOf(`retry: ${RETRY_MS}\n${cursor === null ? "" : `id: ${cursor}\n`}\n`);

const heartbeatAt = (cursor: string | null): Uint8Array<ArrayBuffer> =>
  bytesOf(cursor === null ? ":\n\n" : `:\nid: ${cursor}\n\n`);
