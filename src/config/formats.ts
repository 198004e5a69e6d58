import { isIP } from "node:net";
import { z } from "zod";
import { nextOf } from "#lib/cron";

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
