import { describe, expect, test } from "bun:test";
import { EVENT_WAITERS_MAX, EventTail } from "#inventory/event-tail";
import type { EventType, FeedLook } from "#inventory/ports";
import { until } from "#test/until";

const LONG_MS = 20_000;
const never = new AbortController().signal;
const low = new Set<EventType>(["low"]);

/** A ledger that says what it is told to, and counts how often it is asked. */
function openTail() {
  const state = { looks: 0, seq: 0, alerts: new Set<"low" | "fenced">(), waiters: 0 };
  const look = async (): Promise<FeedLook> => {
    state.looks += 1;
    const { alerts } = state;
    state.alerts = new Set();
    return { places: [{ partition: 0, seq: state.seq, number: 1 }], alerts };
  };
  const onWaiters = (count: number) => void (state.waiters = count);
  return { state, tail: new EventTail({ events: { look }, onWaiters }) };
}
const looked = (state: { looks: number }, more: number) => {
  const least = state.looks + more;
  return until(() => state.looks >= least, { withinMs: 5_000, what: "it looks again" });
};

describe("waiting for events", () => {
  test("one look serves all who wait, and nobody looks when nobody waits", async () => {
    const { state, tail } = openTail();
    const waiters = await Promise.all(Array.from({ length: 100 }, () => tail.join(null)));
    expect(state.looks).toBe(1);
    const news = Promise.all(waiters.map((waiter) => waiter.news(LONG_MS, never)));
    await looked(state, 3);
    const before = state.looks;
    state.seq = 1;
    expect(await news).toEqual(waiters.map(() => true));
    expect(state.looks).toBeLessThanOrEqual(before + 2);
    for (const waiter of waiters) waiter[Symbol.dispose]();
    expect(state.waiters).toBe(0);
    const after = state.looks;
    using again = await until(async () => tail.join(null), { withinMs: 1_000, what: "joined" });
    expect(await again.news(1, never)).toBe(false);
    expect(state.looks).toBeLessThanOrEqual(after + 2);
    tail.close();
  });

  test("wakes whom it concerns, and nobody else", async () => {
    const { state, tail } = openTail();
    using movements = await tail.join(new Set<EventType>(["movement"]));
    using alerts = await tail.join(low);
    const heard: string[] = [];
    const hear = async (name: string, waiter: typeof alerts) => {
      if (await waiter.news(LONG_MS, never)) heard.push(name);
    };
    const all = [hear("movements", movements), hear("alerts", alerts)];
    state.alerts = new Set(["fenced"]);
    await looked(state, 2);
    expect(heard).toEqual([]);
    state.seq = 1;
    await all[0];
    await looked(state, 2);
    expect(heard).toEqual(["movements"]);
    state.alerts = new Set(["low"]);
    await all[1];
    expect(heard).toEqual(["movements", "alerts"]);
    tail.close();
  });

  test("what came between joining and asking is not missed", async () => {
    const { state, tail } = openTail();
    using waiter = await tail.join(low);
    state.alerts = new Set(["low"]);
    await looked(state, 2);
    expect(await waiter.news(0, never)).toBe(true);
    expect(await waiter.news(0, never)).toBe(false);
    tail.close();
  });

  test("refuses one more than there are places, until one goes", async () => {
    const { state, tail } = openTail();
    const waiters = await Promise.all(
      Array.from({ length: EVENT_WAITERS_MAX }, () => tail.join(null)),
    );
    expect(state.waiters).toBe(EVENT_WAITERS_MAX);
    await expect(tail.join(null)).rejects.toMatchObject({ code: "overloaded" });
    waiters[0]?.[Symbol.dispose]();
    (await tail.join(null))[Symbol.dispose]();
    tail.close();
  });

  test("ends at once for a caller who is gone, and for all when it closes", async () => {
    const { state, tail } = openTail();
    const gone = new AbortController();
    using first = await tail.join(null);
    using second = await tail.join(null);
    const heard = [first.news(LONG_MS, gone.signal), second.news(LONG_MS, never)];
    gone.abort();
    expect(await heard[0]).toBe(false);
    tail.close();
    expect(await heard[1]).toBe(false);
    const { looks } = state;
    using late = await tail.join(null);
    expect(await late.news(LONG_MS, never)).toBe(false);
    expect(state.looks).toBe(looks);
  });

  test("a ledger that goes away wakes all, so that they say so, and is asked again", async () => {
    let isAway = false;
    let looks = 0;
    const look = async (): Promise<FeedLook> => {
      looks += 1;
      if (isAway) throw new Error("away");
      return { places: [{ partition: 0, seq: looks, number: 1 }], alerts: new Set() };
    };
    const tail = new EventTail({ events: { look }, onWaiters: () => undefined });
    using waiter = await tail.join(low);
    isAway = true;
    expect(await waiter.news(LONG_MS, never)).toBe(true);
    isAway = false;
    const before = looks;
    await until(() => looks > before, { withinMs: 5_000, what: "it looks again" });
    tail.close();
  });
});
