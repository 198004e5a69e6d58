/** Reading an export of movements while it comes. */
import { HoldfastUnanswered } from "#client/problem";
import type { LedgerMovement } from "#http/api";

/** Above the service's own: it cuts an export that is silent for two minutes. */
const SILENCE_MS_MAX = 130_000;
/** Far above the longest movement. */
const LINE_LENGTH_MAX = 1_048_576;

/**
 * The movements of an export as NDJSON, one by one. It ends when the export said that it is whole;
 * otherwise it throws HoldfastUnanswered after the last one that came.
 */
export async function* movementsOf(
  answer: { readonly body: ReadableStream<Uint8Array> | null },
  { silenceMs = SILENCE_MS_MAX }: { readonly silenceMs?: number } = {},
): AsyncGenerator<LedgerMovement, void, undefined> {
  let count = 0;
  for await (const line of linesOf(answer.body, silenceMs)) {
    const read = jsonOf(line);
    if (isEnd(read, count)) return;
    if (!isMovement(read)) throw cut(count);
    yield read;
    count += 1;
  }
  throw cut(count);
}

async function* linesOf(
  body: ReadableStream<Uint8Array> | null,
  silenceMs: number,
): AsyncGenerator<string, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await nextOf(reader, silenceMs);
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LINE_LENGTH_MAX) return;
      yield* lines;
    }
  } finally {
    // Whoever reads no further is sent no more.
    await reader.cancel().catch(() => null);
  }
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function nextOf(reader: Reader, silenceMs: number) {
  const timer = setTimeout(() => void reader.cancel().catch(() => null), silenceMs);
  try {
    return await reader.read();
  } catch (error) {
    throw new HoldfastUnanswered("the export was cut", null, error);
  } finally {
    clearTimeout(timer);
  }
}

const cut = (count: number) =>
  new HoldfastUnanswered(`the export was cut after ${count} movements`, null);

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const isMovement = (read: unknown): read is LedgerMovement =>
  typeof read === "object" && read !== null && "movementId" in read;

/** The last line, which says how many there are. */
const isEnd = (read: unknown, count: number): boolean =>
  typeof read === "object" &&
  read !== null &&
  "complete" in read &&
  "movements" in read &&
  read.movements === count;
