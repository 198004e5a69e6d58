/** A change that its caller can send again: under an `Idempotency-Key` it is one. */
import { hash } from "node:crypto";
import { Refused, type ShellContext } from "#companions/shell/app";
import type { Caller } from "#companions/shell/caller";

export interface Request {
  /** Whose key it is: another caller's is another. */
  readonly by: string;
  readonly key: string;
  /** Of what was asked for: the same key is not for something else. */
  readonly hash: string;
}

/** null: the caller gave no key. */
export function requestOf(
  c: ShellContext,
  { role, subject }: Caller,
  asked: unknown,
): Request | null {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return null;
  if (!/^[\x20-\x7e]{1,128}$/.test(key)) {
    throw new Refused(400, "Idempotency-Key must be 1-128 printable characters");
  }
  return { by: `${role} ${subject}`, key, hash: hash("sha256", JSON.stringify(asked)) };
}
