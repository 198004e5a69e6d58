const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Bytes from here up are thrown away: 252 is the last multiple of 36, and 36 does not divide 256. */
const FAIR_BYTE_LIMIT = Math.floor(256 / ALPHABET.length) * ALPHABET.length;

/** One call to the system's generator fills this many bytes: about 125 ids of 8 characters. */
const POOL_BYTES = 1024;

/** Milliseconds since 1970 in as many characters, until 2059. */
const TIME_LENGTH = 8;
/** 36^12 is more than 2^62: no two requests of one millisecond share one. */
const TAIL_LENGTH = 12;

const pool = new Uint8Array(POOL_BYTES);
let position = POOL_BYTES;

let prefixAt = 0;
let prefix = "";

/** `length` unguessable characters of [a-z0-9], each equally likely (5.17 bits a character). */
export function randomId(length: number): string {
  let id = "";
  while (id.length < length) {
    const byte = nextByte();
    if (byte < FAIR_BYTE_LIMIT) id += ALPHABET.charAt(byte % ALPHABET.length);
  }
  return id;
}

/**
 * The name of one request in logs, answers and movements, where the caller sent none. It begins with
 * the time, so that the ledger's index of them grows at its end: names that fall anywhere in it cost
 * PostgreSQL a page each.
 */
export function requestId(): string {
  const now = Date.now();
  if (now !== prefixAt) {
    prefixAt = now;
    prefix = now.toString(ALPHABET.length).padStart(TIME_LENGTH, "0");
  }
  return prefix + randomId(TAIL_LENGTH);
}

function nextByte(): number {
  if (position >= POOL_BYTES) {
    crypto.getRandomValues(pool);
    position = 0;
  }
  const byte = pool[position] ?? FAIR_BYTE_LIMIT;
  position += 1;
  return byte;
}
