/** Reading server-sent events while they come. */
import { HoldfastUnanswered } from "#client/problem";
import type { Event } from "#http/api";

/** Above the service's own: it says each 4 s that a stream is open. */
const SILENCE_MS_MAX = 15_000;
/** Far above the longest event. */
const BLOCK_LENGTH_MAX = 1_048_576;

export interface StreamedEvent {
  readonly event: Event;
  /** Behind it: whoever asks with it as `after` goes on from here. */
  readonly cursor: string;
}

/**
 * The events of a stream, one by one, as they come. A stream has no end of its own: when it ends,
 * HoldfastUnanswered is thrown. Ask again, with the cursor of the last event as `after`.
 */
export async function* eventsOf(
  answer: { readonly body: ReadableStream<Uint8Array> | null },
  { silenceMs = SILENCE_MS_MAX }: { readonly silenceMs?: number } = {},
): AsyncGenerator<StreamedEvent, never, undefined> {
  let cursor = "";
  for await (const block of blocksOf(answer.body, silenceMs)) {
    const fields = block.split("\n").map((line): readonly [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
    });
    cursor = fields.findLast(([name]) => name === "id")?.[1] ?? cursor;
    const data = fields.find(([name]) => name === "data")?.[1];
    if (data !== undefined) yield { event: eventIn(data), cursor };
  }
  throw new HoldfastUnanswered("the stream has ended", null);
}

function eventIn(data: string): Event {
  const read: unknown = JSON.parse(data);
  if (isEvent(read)) return read;
  throw new HoldfastUnanswered("the stream told what is no event", null);
}

const isEvent = (read: unknown): read is Event =>
  typeof read === "object" && read !== null && "eventId" in read;

/** What stands before each empty line; nothing that was cut. */
async function* blocksOf(
  body: ReadableStream<Uint8Array> | null,
  silenceMs: number,
): AsyncGenerator<string, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const timer = setTimeout(() => void reader.cancel().catch(() => null), silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      if (rest.length > BLOCK_LENGTH_MAX) return;
      yield* blocks;
    }
  } catch (error) {
    throw new HoldfastUnanswered("the stream was cut", null, error);
  } finally {
    // Whoever reads no further is sent no more.
    await reader.cancel().catch(() => null);
  }
}
