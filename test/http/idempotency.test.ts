import { expect, test } from "bun:test";
import { eventOperation, itemOperation } from "#http/middleware/idempotency";

const CALL = { key: "a".repeat(32), payload: "b".repeat(16) };

test("an event is the same operation whoever tells it, and another one by any part of it", () => {
  const event = eventOperation(null, ["x", "p1", 5]);
  expect(eventOperation(null, ["x", "p1", 5])).toEqual(event);
  const others = [
    ["y", "p1", 5],
    ["x", "p2", 5],
    ["x", "p1", 6],
    ["x", "p15"],
  ];
  const keys = others.map((identity) => eventOperation(null, identity).key);
  expect(new Set([event.key, ...keys]).size).toBe(1 + others.length);
  // A key of the caller's own names the call; the event is known beside it.
  expect(eventOperation(CALL, ["x", "p1", 5])).toEqual({ ...CALL, also: event });
});

test("an item of a bulk call is an operation by its place, and what it asks is its payload", () => {
  expect(itemOperation(null, 0, {})).toBeNull();
  const first = itemOperation(CALL, 0, { quantity: 1 });
  expect(itemOperation(CALL, 0, { quantity: 1 })).toEqual(first);
  const changed = itemOperation(CALL, 0, { quantity: 2 });
  expect(changed?.key).toBe(first?.key ?? "");
  expect(changed?.payload).not.toBe(first?.payload);
  expect(itemOperation(CALL, 1, { quantity: 1 })?.key).not.toBe(first?.key);
  const another = itemOperation({ ...CALL, key: "c".repeat(32) }, 0, { quantity: 1 });
  expect(another?.key).not.toBe(first?.key);
});
