import { bodyLimit } from "hono/body-limit";
import type { EdgeContext } from "#http/env";
import { Problem } from "#http/problem";

const KIBIBYTE = 1024;
export const BODY_BYTES_MAX = 64 * KIBIBYTE;
/** For routes that take lists. */
export const BULK_BODY_BYTES_MAX = 256 * KIBIBYTE;

/** Throws `body_too_large`; a body that does not say its length is counted while it is read. */
export function limitBody(bytesMax: number): (c: EdgeContext) => Promise<void> | undefined {
  const tooLarge = () => {
    throw new Problem("body_too_large", `the body may have at most ${bytesMax} bytes`);
  };
  const count = bodyLimit({ maxSize: bytesMax, onError: tooLarge });
  return (c) => {
    const length = c.req.header("content-length");
    if (length === undefined || c.req.header("transfer-encoding") !== undefined) {
      return count(c, async () => {}).then(() => {});
    }
    if (Number(length) > bytesMax) tooLarge();
    return undefined;
  };
}
