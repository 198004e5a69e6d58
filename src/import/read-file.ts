/** Bytes of a file as lines of text: unpacked, decoded, counted, and never more than one at a time. */
import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Stopped } from "#import/rows";

/** Longest line or row that is read: more than DynamoDB keeps in one item (400 KB), written out. */
export const ROW_CHARACTERS_MAX = 1_048_576;

export interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  /** Whether it was too long: then its text is missing. */
  readonly tooLong: boolean;
}

/**
 * The text of a file in pieces, as they come. Gzip is known by its first bytes; a byte order mark
 * goes. Rejects with Stopped when it cannot be read, unpacked or decoded.
 */
export async function* textOf(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of await unpacked(file, onBytes)) {
      yield decoder.decode(chunk, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof Stopped) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Stopped(`${file} cannot be read to its end: ${why}`, { cause: error });
  }
}

const GZIP_MAGIC = 0x1f8b;

async function unpacked(
  file: string,
  onBytes: (bytes: number) => void,
): Promise<AsyncIterable<Uint8Array>> {
  const head = new DataView(await Bun.file(file).slice(0, 2).arrayBuffer());
  const isPacked = head.byteLength === 2 && head.getUint16(0) === GZIP_MAGIC;
  const bytes = counted(createReadStream(file), onBytes);
  if (!isPacked) return bytes;
  // Both ends close when one does; an error arrives at who reads.
  return pipeline(Readable.from(bytes), createGunzip(), () => {});
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** The lines of a file, without their ends (`\n`, `\r\n`). */
export async function* linesOf(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Line> {
  let [rest, number, tooLong] = ["", 1, false];
  for await (const piece of textOf(file, onBytes)) {
    const parts = piece.split("\n");
    for (const [index, part] of parts.entries()) {
      if (tooLong || rest.length + part.length > ROW_CHARACTERS_MAX) [rest, tooLong] = ["", true];
      else rest += part;
      if (index === parts.length - 1) break;
      yield { text: rest.endsWith("\r") ? rest.slice(0, -1) : rest, number, tooLong };
      [rest, number, tooLong] = ["", number + 1, false];
    }
  }
  if (rest !== "" || tooLong) yield { text: rest, number, tooLong };
}
