/** Cuts what a client sent into whole requests, so that a proxy loses all of one or nothing. */

export interface Units {
  readonly units: readonly Buffer[];
  /** The beginning of the next one. */
  readonly rest: Buffer;
}

const LINE_END = "\r\n";

/** Commands of Redis: `*2\r\n$3\r\nGET\r\n$1\r\na\r\n`. */
export function commandsOf(bytes: Buffer): Units {
  return unitsOf(bytes, (at) => {
    const lineAt = (start: number): { value: number; end: number } | null => {
      const end = bytes.indexOf(LINE_END, start);
      if (end < 0) return null;
      return { value: Number(bytes.toString("latin1", start + 1, end)), end: end + 2 };
    };
    const count = lineAt(at);
    let end = count?.end ?? 0;
    for (let left = count?.value ?? 0; left > 0; left -= 1) {
      const length = lineAt(end);
      if (length === null) return null;
      end = length.end + length.value + 2;
    }
    return count === null || end > bytes.length ? null : end;
  });
}

/** Requests of HTTP whose body, if any, says its length. */
export function requestsOf(bytes: Buffer): Units {
  return unitsOf(bytes, (at) => {
    const headEnd = bytes.indexOf(`${LINE_END}${LINE_END}`, at);
    if (headEnd < 0) return null;
    const head = bytes.toString("latin1", at, headEnd);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    return end > bytes.length ? null : end;
  });
}

/** `endOf` answers where the unit that begins there ends, or null when it is not whole. */
function unitsOf(bytes: Buffer, endOf: (at: number) => number | null): Units {
  const units: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = endOf(at);
    if (end === null) break;
    units.push(bytes.subarray(at, end));
    at = end;
  }
  return { units, rest: bytes.subarray(at) };
}
