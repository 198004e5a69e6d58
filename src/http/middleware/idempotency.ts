import { hash } from "node:crypto";
import type { EdgeContext } from "#http/env";
import { invalid } from "#http/problem";
import { actorOf, type Caller } from "#inventory/context";
import { PRINTABLE } from "#inventory/model";
import type { Operation } from "#inventory/ports";

const KEY_HEX_DIGITS = 32;
const PAYLOAD_HEX_DIGITS = 16;
const KEY_LENGTH_MAX = 128;

/**
 * The request's `Idempotency-Key` within its scope, which is caller, method and path with its ids;
 * null without one. The payload is the body as it was sent. Throws `validation_failed`.
 */
export async function operationOf(c: EdgeContext, caller: Caller): Promise<Operation | null> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return null;
  if (key.length > KEY_LENGTH_MAX || !PRINTABLE.test(key)) {
    throw invalid("Idempotency-Key", `must be 1-${KEY_LENGTH_MAX} printable characters`);
  }
  const scope = JSON.stringify([actorOf(caller), c.req.method, c.req.path, key]);
  return operation(scope, await c.req.text());
}

/**
 * The operation of one item of a bulk call: the call's key and the item's place in the list, and
 * the item as it was read. So a repeat of the call replays what was done and does what was not.
 */
export function itemOperation(call: Operation | null, index: number, item: object) {
  return call === null ? null : operation(`${call.key} ${index}`, JSON.stringify(item));
}

/**
 * The operation of an event, which is the same one whoever sends it and however often: its identity
 * names it, beside the call's key if there is one.
 */
export function eventOperation(
  call: Operation | null,
  identity: readonly (string | number)[],
): Operation {
  const scope = JSON.stringify(["event", ...identity]);
  const event = operation(scope, scope);
  return call === null ? event : { ...call, also: event };
}

function operation(scope: string, payload: string): Operation {
  return {
    key: hash("sha256", scope).slice(0, KEY_HEX_DIGITS),
    payload: hash("sha256", payload).slice(0, PAYLOAD_HEX_DIGITS),
  };
}
