import { bodyLimit } from "hono/body-limit";
import type { EdgeContext } from "#http/env";
import { Problem } from "#http/problem";

const KIBIBYTE = 1024;
export const BODY_BYTES_MAX = 64 * KIBIBYTE;
/** For routes that take lists. */
export const BULK_BODY_BYTES_MAX = 256 * KIBIBYTE;
/** For routes that take files: 100 000 rows of some 160 bytes. It must be declared. */
export const FILE_BODY_BYTES_MAX = 16 * KIBIBYTE * KIBIBYTE;

/**
 * Throws `body_too_large`. A body that does not say its length is counted while it is read, before
 * anybody asks who sends it: so it may never have more than a list.
 */
export function limitBody(bytesMax: number): (c: EdgeContext) => Promise<void> | undefined {
  const undeclaredMax = Math.min(bytesMax, BULK_BODY_BYTES_MAX);
  const tooLarge = () => {
    throw new Problem("body_too_large", `the body may have at most ${bytesMax} bytes`);
  };
  const count = bodyLimit({
    maxSize: undeclaredMax,
    onError() {
      if (undeclaredMax === bytesMax) return tooLarge();
      const message = `without its length, the body may have at most ${undeclaredMax} bytes`;
      throw new Problem("body_too_large", message);
    },
  });
  return (c) => {
    const length = c.req.header("content-length");
    if (length === undefined || c.req.header("transfer-encoding") !== undefined) {
      return count(c, async () => {}).then(() => {});
    }
    if (Number(length) > bytesMax) tooLarge();
    return undefined;
  };
}
