import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { BeginAnswer } from "#inventory/ports";
import { createEpochLedger } from "#postgres/epochs";
import { createRebuildLedger } from "#postgres/rebuild-ledger";
import { openLedger, type TestLedger } from "#test/ledger";

let db: TestLedger;

beforeAll(async () => {
  db = await openLedger({ connectionsMax: 10 });
});
beforeEach(async () => {
  await db.sql`TRUNCATE epochs, servers_in_use`;
  await db.sql`UPDATE partitions SET epoch = 0, cursor_epoch = 0, cursor_seq = 0`;
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

const epochs = () => createEpochLedger(db.sql, "store");
const begun = async (epoch: number): Promise<BeginAnswer> => {
  return { kind: "begun", epoch, seq: 0 };
};

test("an epoch that began is noted with its server and where the one before ended", async () => {
  await db.sql`UPDATE partitions SET epoch = 6, cursor_epoch = 6, cursor_seq = 41`;
  const asked: unknown[] = [];
  const answer = await epochs().begin(0, "run-7", async (epoch, known) => {
    asked.push([epoch, known]);
    return { kind: "begun", epoch, seq: 44 };
  });
  expect(asked).toEqual([[7, { epoch: 0, seq: 41 }]]);
  expect(answer).toEqual({ kind: "begun", epoch: 7, seq: 44 });
  const rows = await db.sql`SELECT epoch, began_at_seq, run_id FROM epochs`;
  expect(rows.map((row) => ({ ...row }))).toEqual([
    { epoch: 7, began_at_seq: 44, run_id: "run-7" },
  ]);
});

test("a number whose epoch never began is not given again", async () => {
  const lost = epochs().begin(0, "run", () => Promise.reject(new Error("the connection ended")));
  expect(await lost.catch(String)).toContain("the connection ended");
  expect(await epochs().begin(0, "run", begun)).toMatchObject({ kind: "begun", epoch: 2 });
  expect(await db.count("SELECT count(*) FROM epochs WHERE epoch = 1")).toBe(0);
});

test("the last epoch that began, and where, is what a Redis is held against", async () => {
  await epochs().begin(0, "run-1", async (epoch) => ({ kind: "begun", epoch, seq: 0 }));
  await epochs().begin(0, "run-2", async (epoch) => ({ kind: "begun", epoch, seq: 9 }));
  const asked: unknown[] = [];
  await epochs().begin(0, "run-3", async (_epoch, known) => {
    asked.push(known);
    return { kind: "behind", seq: 1 };
  });
  expect(asked).toEqual([{ epoch: 2, seq: 9 }]);
});

test("ten processes that begin at once are given ten numbers", async () => {
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => epochs().begin(0, "run", begun)),
  );
  const numbers = answers.map((answer) => (answer.kind === "begun" ? answer.epoch : 0));
  expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("nothing in PostgreSQL waits while Redis is asked", async () => {
  await epochs().begin(0, "run", async (epoch) => {
    // Fails at once if the partition's row were locked by who asks.
    await db.sql`SELECT 1 FROM partitions WHERE partition = 0 FOR UPDATE NOWAIT`;
    const open = await db.count(
      "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'",
    );
    expect(open).toBe(0);
    return await begun(epoch);
  });
  expect.assertions(1);
});

test("a Redis that has seen a higher epoch gets one above it", async () => {
  const asked: number[] = [];
  const answer = await epochs().begin(0, "run", async (epoch) => {
    asked.push(epoch);
    return epoch > 40 ? await begun(epoch) : { kind: "used", epoch: 40 };
  });
  expect(asked).toEqual([1, 41]);
  expect(answer).toMatchObject({ kind: "begun", epoch: 41 });
});

test("a Redis that names a higher epoch each time is given up after a few", async () => {
  let asked = 0;
  const answer = await epochs().begin(0, "run", async (epoch) => {
    asked += 1;
    return { kind: "used", epoch: epoch + 10 };
  });
  expect(answer.kind).toBe("used");
  expect(asked).toBe(5);
});

test("an epoch is not sealed while another server is in use, and is when that is over", async () => {
  await db.sql`UPDATE partitions SET epoch = 7, cursor_epoch = 6, cursor_seq = 41`;
  await db.sql`INSERT INTO servers_in_use (partition, run_id) VALUES (0, 'own'), (0, 'another')`;
  const seal = () => createRebuildLedger(db.sql).seal(0, 7, 41, "own");
  const cursorEpoch = () => db.count("SELECT cursor_epoch FROM partitions");
  const noted = () => db.count("SELECT count(*) FROM epochs");
  expect([await seal(), await cursorEpoch(), await noted()]).toEqual([false, 6, 0]);
  await db.sql`UPDATE servers_in_use SET seen_at = now() - interval '6 seconds'
    WHERE run_id = 'another'`;
  expect([await seal(), await cursorEpoch(), await noted()]).toEqual([true, 7, 1]);
});
