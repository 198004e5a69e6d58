/** What becomes of callers while PostgreSQL stands still. */
import { expect, test } from "bun:test";
import { forCaller } from "#postgres/ask";
import { Fault } from "#inventory/faults";

const CALLERS_MAX = 1_024;

/** null: it was no Fault. */
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "answered",
    (error: unknown) => (error instanceof Fault ? error.code : null),
  );

test("so many callers wait for the ledger, also for statements that were given up; others hear so at once", async () => {
  const { promise: stalled, resolve: goOn } = Promise.withResolvers<number>();
  const ask = forCaller(() => stalled);
  const waiting = Array.from({ length: CALLERS_MAX }, ask);
  expect(await codeOf(ask())).toBe("ledger_unavailable");
  goOn(1);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([1]));
  expect(await ask()).toBe(1);
});

test("who was refused by PostgreSQL waits no more", async () => {
  const refused = forCaller(() => Promise.reject(new Error("refused")));
  for (let times = 0; times <= CALLERS_MAX; times += 1) {
    expect(await codeOf(refused())).toBeNull();
  }
});
