/** One reader for all who listen: what each of them hears, however it comes and goes. */
import { describe, expect, test } from "bun:test";
import { EventFeed, RECENT_EVENTS_MAX } from "#inventory/event-feed";
import type { EventFilter } from "#inventory/event-filter";
import { Fault } from "#inventory/faults";
import { ProductId } from "#inventory/model";
import { steadyClock } from "#lib/clock";
import { FeedDouble, heardOf, Reader } from "#test/feed";
import { Random } from "#test/random";
import { counted, seed } from "#test/scale";
import { until } from "#test/until";

const PARTITIONS = 3;
const SOON = { withinMs: 20_000 };
const ALL: EventFilter = { types: null, productId: null };
const FILTERS: readonly EventFilter[] = [
  ALL,
  { types: new Set(["low"]), productId: null },
  { types: null, productId: ProductId.parse("p1") },
  { types: new Set(["movement"]), productId: ProductId.parse("p2") },
];
const ROUNDS = counted(40, 2_000);

function open(from = seed()) {
  const random = new Random(from);
  const ledger = new FeedDouble(random, PARTITIONS);
  const feed = (): EventFeed => new EventFeed({ events: ledger, clock: steadyClock, pollMs: 1 });
  return { random, ledger, feed };
}

const ofPartition = (heard: readonly string[], partition: number): string[] =>
  heard.filter((id) => id.startsWith(`p${partition}-`));

/** It has heard all that was written, once and in order. */
async function hasAll(reader: Reader, ledger: FeedDouble): Promise<void> {
  await until(() => reader.cursor === ledger.end, { ...SOON, what: "it has heard all" });
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const expected = heardOf(ledger.all, reader.filter, partition);
    expect(ofPartition(reader.heard, partition)).toEqual(expected);
  }
}

describe("who listens", () => {
  test("hears all once and in order, wherever it loses its stream and whichever process it asks next", async () => {
    const from = seed();
    const { random, ledger, feed } = open(from);
    const feeds = [feed(), feed()];
    const readers = FILTERS.flatMap((filter) => [new Reader(filter), new Reader(filter)]);
    let lost = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      ledger.write(random.whole(0, 2) === 0 ? random.whole(0, 600) : random.whole(0, 5));
      for (const reader of readers) {
        if (random.next() < 0.6) continue;
        reader.leave();
        reader.left = random.next() < 0.5 ? random.whole(0, 40) : Infinity;
        lost += reader.left === Infinity ? 0 : 1;
        await reader.listen(random.pick(feeds));
      }
      const turns = random.whole(0, 30);
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    }
    expect(lost).toBeGreaterThan(ROUNDS / 4);
    for (const reader of readers) {
      reader.leave();
      reader.left = Infinity;
      await reader.listen(random.pick(feeds));
    }
    for (const reader of readers) {
      await hasAll(reader, ledger).catch((error: unknown) => {
        throw new Error(`seed ${from}`, { cause: error });
      });
      expect(reader.isCut).toBe(false);
      reader.leave();
    }
  });

  test("costs no read of its own, however many there are, and none once all are gone", async () => {
    const { ledger, feed } = open();
    const shared = feed();
    const readers = Array.from({ length: 500 }, () => new Reader(ALL, "latest"));
    for (const reader of readers) await reader.listen(shared);
    const before = ledger.reads;
    ledger.write(20);
    await until(() => readers.every(({ heard }) => heard.length === 20), {
      ...SOON,
      what: "all have heard it",
    });
    // As many as polls, not as listeners.
    expect(ledger.reads - before).toBeLessThan(readers.length);
    for (const reader of readers) reader.leave();
    let [last, same] = [-1, 0];
    const rests = (): boolean => {
      same = ledger.reads === last ? same + 1 : 0;
      last = ledger.reads;
      return same >= 20;
    };
    expect(await until(rests, { ...SOON, what: "nobody reads" })).toBe(true);
  });

  test("and comes back at once reads nothing: what is kept of late goes on where it was", async () => {
    const { ledger, feed } = open();
    const shared = feed();
    const stays = new Reader(ALL, "latest");
    await stays.listen(shared);
    const goes = new Reader(ALL, "latest");
    await goes.listen(shared);
    goes.left = 7;
    ledger.write(RECENT_EVENTS_MAX / 2);
    await until(() => stays.heard.length === RECENT_EVENTS_MAX / 2, { ...SOON, what: "it heard" });
    goes.leave();
    ledger.instead = () => {
      throw new Fault("ledger_unavailable", "PostgreSQL is away");
    };
    goes.left = Infinity;
    await goes.listen(shared);
    expect(goes.heard.length).toBe(RECENT_EVENTS_MAX / 2);
    expect(new Set(goes.heard).size).toBe(goes.heard.length);
    stays.leave();
    goes.leave();
  });

  test("keeps its stream while the ledger is away, and misses nothing of that time", async () => {
    const { ledger, feed } = open();
    const reader = new Reader(ALL, "latest");
    await reader.listen(feed());
    ledger.instead = () => {
      throw new Fault("ledger_unavailable", "PostgreSQL is away");
    };
    ledger.write(300);
    const before = ledger.reads;
    await until(() => ledger.reads > before + 1, { ...SOON, what: "it was asked in vain" });
    ledger.instead = () => null;
    await hasAll(reader, ledger);
    expect([reader.isCut, reader.heard.length]).toEqual([false, 300]);
    reader.leave();
  });

  test("is sent away when what follows was put away, or the ledger is another one", async () => {
    const others = [
      () => ({ kind: "gone" }) as const,
      () => {
        throw new Fault("validation_failed", "the cursor is not one that this feed answered");
      },
    ];
    for (const instead of others) {
      const { ledger, feed } = open();
      const reader = new Reader(ALL, "latest");
      await reader.listen(feed());
      ledger.instead = instead;
      await until(() => reader.isCut, { ...SOON, what: "it is sent away" });
      ledger.instead = () => null;
    }
  });
});
