import { isIP } from "node:net";
import { z } from "zod";
import { nextOf } from "#lib/cron";
import type { Network } from "#lib/network";

/** Longer numbers than this are no longer exact; nothing here comes near. */
const DIGITS_MAX = 15;

/** As DNS has it, and the `_` that the names of containers may have. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*$/;

/** Decimal digits and nothing else: `z.coerce` would take `""`, `" 0x10 "` and `1e3`. */
export function wholeNumber(min: number, max: number) {
  return parsed(`must be a whole number from ${min} to ${max}`, (digits) => {
    const value = Number(digits);
    const read = /^\d+$/.test(digits) && digits.length <= DIGITS_MAX;
    return read && value >= min && value <= max ? value : undefined;
  });
}

/** One of a closed list of words; `because` explains what is not in it. */
export function oneOf<const Word extends string>(words: readonly Word[], because = "") {
  return parsed(`must be one of: ${words.join(", ")}${because}`, (value) =>
    words.find((word) => word === value),
  );
}

/** Requests of one caller in a time; all of them may come at once. */
const QUOTA_REQUESTS_MAX = 1_000_000;
const QUOTA_SECONDS_MAX = 3_600;
/** They are counted in microseconds: beyond this a part of one would be more than a hundredth. */
const QUOTA_PER_SECOND_MAX = 10_000;

/** `100/10s`: so many requests in so many seconds. */
export function quota() {
  const bounds = `1 to ${QUOTA_REQUESTS_MAX} requests in 1 to ${QUOTA_SECONDS_MAX} seconds`;
  const most = `at most ${QUOTA_PER_SECOND_MAX} a second`;
  return parsed(`must be ${bounds}, ${most}, such as 100/10s`, (value) => {
    const [, requests = "", seconds = ""] = /^(\d{1,7})\/(\d{1,4})s$/.exec(value) ?? [];
    const read = { requests: Number(requests), seconds: Number(seconds) };
    const isWithin =
      read.requests <= QUOTA_REQUESTS_MAX &&
      read.seconds <= QUOTA_SECONDS_MAX &&
      read.requests <= QUOTA_PER_SECOND_MAX * read.seconds;
    return isWithin && read.requests > 0 && read.seconds > 0 ? read : undefined;
  });
}

/** One item of a list of addresses (`192.0.2.7`) and networks (`10.0.0.0/8`, `fd00::/8`). */
export function networkOf(item: string): Network | undefined {
  const [, address = "", digits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(item) ?? [];
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  const prefix = digits === undefined ? bits : Number(digits);
  return bits > 0 && prefix <= bits ? { address, prefix } : undefined;
}

/** Five fields of cron, or six with seconds, that come to pass some day; `off` stands for none. */
export function cron() {
  const fields = "minute, hour, day, month and weekday";
  const must = `must be a pattern of cron (${fields}) that is due some day, such as 0 3 * * *, or off`;
  return parsed(must, (value) => {
    if (value === "off") return { pattern: null };
    return nextOf(value, 0) === null ? undefined : { pattern: value };
  });
}

export function flag() {
  return parsed("must be 1 or 0", (value) =>
    value === "1" ? true : value === "0" ? false : undefined,
  );
}

/** A URL with one of these protocols and a host. Its text is kept: drivers read it themselves. */
export function url(...protocols: readonly string[]) {
  return parsed(`must be a URL that starts with ${protocols.join(" or ")}`, (value) =>
    isUrl(value, protocols) ? value : undefined,
  );
}

/** One item of a list of URLs. */
export function httpUrlOf(item: string): string | undefined {
  return isUrl(item, ["https://", "http://"]) ? item : undefined;
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  const parts = URL.parse(value);
  return parts !== null && protocols.includes(`${parts.protocol}//`) && parts.hostname !== "";
}

/** A host's name or address as others may use it; an IPv6 address without brackets. */
export function host() {
  return parsed("must be a host's name or address", (value) =>
    isIP(value) !== 0 || HOST_NAME.test(value) ? value : undefined,
  );
}

/** Printable text of a sensible length, without spaces round it. */
export function text(lengthMax: number) {
  return parsed(`must be 1 to ${lengthMax} printable characters, no space at the ends`, (value) =>
    value.length <= lengthMax && /^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u.test(value)
      ? value
      : undefined,
  );
}

/** Items by comma, each once, each read by `read`. */
export function listOf<Item>(allowed: string, read: (item: string) => Item | undefined) {
  return parsed(`must be ${allowed}, separated by commas, each once`, (value) => {
    const items = value.split(",").map((item) => item.trim());
    const known = items.map(read).filter((item) => item !== undefined);
    const complete = known.length === items.length && new Set(items).size === items.length;
    return complete ? known : undefined;
  });
}

/** `https://shop.example`: what a browser sends as `Origin`, so that comparing text is enough. */
export function originOf(item: string): string | undefined {
  const parts = URL.parse(item);
  return parts && /^https?:$/.test(parts.protocol) && parts.origin === item ? item : undefined;
}

/** A name of ours; whether there is such a thing is not the configuration's to know. */
export function wordOf(item: string): string | undefined {
  return /^[a-z]+$/.test(item) ? item : undefined;
}

/** A text that `read` understands; otherwise the problem is worded as `must …`. */
function parsed<Value>(must: string, read: (value: string) => Value | undefined) {
  return z.string().transform((given, ctx) => {
    const value = read(given);
    if (value !== undefined) return value;
    ctx.issues.push({ code: "custom", message: must, input: given });
    return z.NEVER;
  });
}
