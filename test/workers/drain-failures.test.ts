import { describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { drainedTo, drainOf, entries, met } from "#test/drain";
import { openLedger } from "#test/ledger";
import { createMemoryJournal } from "#test/memory-journal";

describe("a journal that cannot be read", () => {
  test("ends the drain fenced after a few tries, and says why", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.fail("read", new Error("a movement's hold is not in its entry"));
    await using harness = drainOf({ journal, ledgerWriter: db.writer });
    await met("the drain is fenced", () => harness.fenced.length === 1);
    expect(JSON.stringify(harness.fenced)).toContain("a movement's hold is not in its entry");
  });

  test("is told from a server that is away, however long that lasted", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.fail("read", new Fault("redis_unavailable", "away"));
    await using harness = drainOf({ journal, ledgerWriter: db.writer });
    const tries = () => harness.lines.length;
    await met("it tried more often than it forgives", () => tries() > 8);
    const warnings = () => harness.lines.filter((line) => line.includes('"level":"warn"')).length;
    expect(warnings()).toBe(1);
    journal.fail("read", new Error("once"));
    const before = tries();
    await met("it met another failure", () => tries() > before);
    journal.fail("read", null);
    journal.push(...entries(1, 2));
    await drainedTo(db, 2);
    expect(harness.fenced).toEqual([]);
  });

  test("is read again at once when it is told that what it waits for is over", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.fail("read", new Fault("partition_fenced", "being rebuilt"));
    const limits = { retryMsMin: 3_600_000, retryMsMax: 3_600_000 };
    await using harness = drainOf({ journal, ledgerWriter: db.writer, limits });
    await met("it waits", () => harness.drain.status()[0]?.state === "waiting");
    journal.fail("read", null);
    journal.push(...entries(1, 2));
    harness.drain.resume(0);
    await drainedTo(db, 2);
  });
});
