/** The least that has to be understood of an HTTP/1.1 answer: whether it is whole, and its status. */

export interface Answer {
  readonly status: number;
  /** Head and body. */
  readonly bytes: number;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const LENGTHS = [Buffer.from("\r\nContent-Length: "), Buffer.from("\r\ncontent-length: ")];
const [ZERO, NINE] = [0x30, 0x39];
/** Behind `HTTP/1.1 `. */
const STATUS_AT = 9;

/** The answer that stands there, or null while a part of it is missing. Throws where it is none. */
export function answerIn(bytes: Buffer): Answer | null {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return null;
  const status = numberAt(bytes, STATUS_AT);
  const name = LENGTHS.find((text) => bytes.indexOf(text) >= 0);
  const at = name === undefined ? -1 : bytes.indexOf(name);
  if (status < 100 || name === undefined || at > end) {
    throw new Error(`an answer without status or length: ${bytes.toString("latin1", 0, end)}`);
  }
  const length = end + HEAD_END.length + numberAt(bytes, at + name.length);
  if (bytes.length < length) return null;
  if (bytes.length > length) throw new Error("more than one answer came to one request");
  return { status, bytes: length };
}

/** What `Retry-After` says, in seconds; null without one. */
export function retryAfterOf(bytes: Buffer): string | null {
  const head = bytes.toString("latin1", 0, bytes.indexOf(HEAD_END));
  return /^retry-after: *(\S+)/im.exec(head)?.[1] ?? null;
}

function numberAt(bytes: Buffer, from: number): number {
  let number = 0;
  for (let i = from; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte < ZERO || byte > NINE) break;
    number = number * 10 + (byte - ZERO);
  }
  return number;
}
