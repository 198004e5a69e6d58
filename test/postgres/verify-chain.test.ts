import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { LedgerWriter } from "#inventory/ports";
import { originOf } from "#postgres/chain";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { verifyChain, type ChainReport } from "#postgres/verify-chain";
import { COUNT, intact, openChainedLedger, row, rows, type ChainedLedger } from "#test/chained";
import type { TestLedger } from "#test/ledger";
import { batch, oversold } from "#test/movements";

let bed: ChainedLedger;
let db: TestLedger;
let writer: LedgerWriter;
beforeEach(async () => {
  bed = await openChainedLedger();
  ({ db, writer } = bed);
});
afterEach(() => bed[Symbol.asyncDispose]());

const write = (): Promise<void> => bed.write();
const verify = (partition?: number): Promise<ChainReport> => bed.verify(partition);

describe("a chain", () => {
  test("of what was written fits, in every partition, and the drain's next batch goes on with it", async () => {
    await write();
    expect(await verify()).toMatchObject(intact);
    // Another process, which knows nothing but the ledger, such as a rebuild.
    const other = createLedgerWriter(db.sql);
    await other.cursor(0);
    await other.append(batch(rows(COUNT + 1, 5)));
    expect(await verify()).toMatchObject({ ...intact, links: 30, segments: [{ from: 1, to: 30 }] });
    // The one that is behind moves nothing, and has to look again.
    expect(await writer.append(batch(rows(COUNT + 1, 1)))).toEqual({ kind: "cursor_moved" });
    expect(await verify(1)).toMatchObject({ kind: "intact", segments: [], links: 0 });
    const pages: number[] = [];
    await verifyChain(db.sql, 0, { pageRows: 20, onPage: (links) => pages.push(links) });
    expect(pages).toEqual([20, 30]);
  });

  test("is not there where nobody switched it on, and rows have nothing of it", async () => {
    const plain = createLedgerWriter(db.sql, { chain: false });
    await plain.cursor(1);
    await plain.append(batch([row(1, { partition: 1 }), row(2, { partition: 1 })]));
    await plain.quarantine(batch([oversold(3, { partition: 1 })]), "refused");
    expect(await verify(1)).toMatchObject({ kind: "intact", segments: [], links: 0 });
    const marks = "num_nonnulls(chain, chain_commitment, chain_salt)";
    expect(await db.count(`SELECT sum(${marks}) FROM movements`)).toBe(0);
    expect(await db.count(`SELECT sum(${marks}) FROM quarantine`)).toBe(0);
  });

  test("begins where it is switched on, ends where it is switched off, and says so", async () => {
    const plain = createLedgerWriter(db.sql, { chain: false });
    const appendBy = async (by: LedgerWriter, seq: number): Promise<void> => {
      await by.cursor(1);
      const more = [seq, seq + 1, seq + 2].map((at) => row(at, { partition: 1 }));
      expect(await by.append(batch(more))).toEqual({ kind: "appended" });
    };
    await appendBy(plain, 1);
    await appendBy(writer, 4);
    await appendBy(writer, 7);
    await appendBy(plain, 10);
    await appendBy(writer, 13);
    const segments = [
      { from: 4, to: 9 },
      { from: 13, to: 15 },
    ];
    expect(await verify(1)).toMatchObject({ kind: "intact", links: 9, segments });
    // Two settings at once: who finds the cursor elsewhere looks again.
    await plain.cursor(1);
    await writer.cursor(1);
    const next = batch([row(16, { partition: 1 })]);
    expect(await plain.append(next)).toEqual({ kind: "appended" });
    expect(await writer.append(next)).toEqual({ kind: "cursor_moved" });
    await appendBy(writer, 17);
    expect(await verify(1)).toMatchObject({
      kind: "intact",
      links: 12,
      segments: [...segments, { from: 17, to: 19 }],
    });
  });

  test("is neither begun nor ended by who only looks", async () => {
    const plain = createLedgerWriter(db.sql, { chain: false });
    await write();
    await plain.cursor(0);
    expect(await verify()).toMatchObject(intact);
    await plain.cursor(1);
    await writer.cursor(1);
    expect(await verify(1)).toMatchObject({ kind: "intact", segments: [], links: 0 });
  });

  test("that was switched on and off without a movement goes on where it began", async () => {
    const refused = batch([oversold(1)]);
    for (const by of [writer, createLedgerWriter(db.sql, { chain: false })]) {
      await by.cursor(0);
      expect(await by.append(refused)).toMatchObject({ kind: "refused" });
    }
    expect(await verify()).toMatchObject({ links: 0, segments: [{ from: 1, to: 0 }] });
    await writer.cursor(0);
    await write();
    expect(await verify()).toMatchObject(intact);
  });
});

describe("it is found", () => {
  beforeEach(write);

  const change = (text: string) => db.sql.unsafe(`UPDATE movements SET ${text} WHERE seq = 9`);
  test.each([
    ["units", "on_hand_before = on_hand_before + 1, on_hand_after = on_hand_after + 1"],
    ["a type", "type = 'EXTEND', reserved_after = reserved_before"],
    ["a time, by a microsecond", "at = at + interval '1 microsecond'"],
    ["an order", "order_id = 'another'"],
    ["an actor", "actor = 'admin:eve'"],
    ["an actor's role", "actor = 'customer:eve'"],
    ["a text", "reason = 'because'"],
    ["a text's end", "reference = reference || ' '"],
    ["an epoch", "epoch = 2"],
    ["a customer", "customer_id = 'dan'"],
    ["a customer, taken away", "customer_id = NULL"],
    ["a salt", "chain_salt = decode(repeat('00', 16), 'hex')"],
    ["a commitment", "chain_commitment = decode(repeat('00', 32), 'hex')"],
    ["a commitment, taken away", "chain_commitment = NULL, chain_salt = NULL, customer_id = NULL"],
    ["a link", "chain = decode(repeat('00', 32), 'hex')"],
  ])("that %s was changed", async (_, text) => {
    await change(text);
    expect(await verify()).toMatchObject({ kind: "broken", seq: 9, cause: "changed" });
  });

  test("that a customer was replaced by no pseudonym of ours", async () => {
    await change("customer_id = 'dan', chain_salt = NULL");
    expect(await verify()).toMatchObject({ kind: "broken", seq: 9, cause: "replaced_customer" });
  });

  test.each([1, 9, 13, COUNT])("that the row %i was deleted", async (seq) => {
    await db.sql`DELETE FROM movements WHERE seq = ${seq}`;
    await db.sql`DELETE FROM quarantine WHERE seq = ${seq}`;
    expect(await verify()).toMatchObject({ kind: "broken", seq, cause: "missing" });
  });

  test("that rows were swapped, with their links or without", async () => {
    await db.sql`UPDATE movements SET seq = 1000 WHERE seq = 10`;
    await db.sql`UPDATE movements SET seq = 10 WHERE seq = 9`;
    await db.sql`UPDATE movements SET seq = 9 WHERE seq = 1000`;
    expect(await verify()).toMatchObject({ kind: "broken", seq: 9, cause: "changed" });
    await db.sql`
      UPDATE movements AS own SET chain = other.chain
      FROM movements AS other WHERE own.seq + other.seq = 19 AND own.seq IN (9, 10)`;
    expect(await verify()).toMatchObject({ kind: "broken", seq: 9, cause: "changed" });
  });

  test.each([COUNT + 1, COUNT + 1_000, 0])("that a row was inserted as %i", async (seq) => {
    await db.sql`
      INSERT INTO movements
      SELECT (jsonb_populate_record(own, jsonb_build_object('seq', ${seq}::bigint))).*
      FROM movements AS own WHERE own.seq = 9`;
    expect(await verify()).toMatchObject({ kind: "broken", seq, cause: "inserted" });
  });

  test("that a row was inserted beside one that was set aside, unless it is that one", async () => {
    await db.sql`
      INSERT INTO movements
      SELECT (jsonb_populate_record(own, jsonb_build_object('seq', 13))).*
      FROM movements AS own WHERE own.seq = 9`;
    expect(await verify()).toMatchObject({ kind: "broken", seq: 13, cause: "inserted" });
    await db.sql`DELETE FROM movements WHERE seq = 13`;
    // This one PostgreSQL would have taken; an operator brings it in.
    await writer.quarantine(batch([row(COUNT + 1)]), "refused by a test");
    const bring = (reference: string) => db.sql`
      INSERT INTO movements
      SELECT (jsonb_populate_record(own, jsonb_build_object(
        'seq', seq + 1, 'reserved_before', reserved_before + 1, 'reserved_after', reserved_after + 1,
        'at', at + interval '1 millisecond', 'reference', ${reference}::text
      ))).*
      FROM movements AS own WHERE own.seq = ${COUNT}`;
    await bring(`R-${COUNT + 1}`);
    expect(await verify()).toMatchObject({ kind: "intact", links: COUNT + 1 });
    await db.sql`DELETE FROM movements WHERE seq = ${COUNT + 1}`;
    await bring("another");
    expect(await verify()).toMatchObject({ kind: "broken", seq: COUNT + 1, cause: "inserted" });
  });

  test("that what was set aside was changed", async () => {
    await db.sql`UPDATE quarantine SET payload = replace(payload::text, 'default', 'Default')::json`;
    expect(await verify()).toMatchObject({ kind: "broken", seq: 13, cause: "changed" });
  });

  test("that the end was cut off, and the cursor put back", async () => {
    await db.sql`DELETE FROM movements WHERE seq > 20`;
    await db.sql`UPDATE partitions SET cursor_seq = 20 WHERE partition = 0`;
    expect(await verify()).toMatchObject({ kind: "broken", seq: 20, cause: "other_end" });
  });

  test("that nobody shall know of a chain any more", async () => {
    await db.sql`DELETE FROM chains`;
    const breaks = [
      { seq: 1, upTo: COUNT, cause: "outside" },
      { seq: COUNT, upTo: COUNT, cause: "other_end" },
    ];
    expect(await verify()).toMatchObject({ kind: "broken", breaks, breakCount: 2 });
    await db.sql`UPDATE partitions SET chain = NULL`;
    expect(await verify()).toMatchObject({ kind: "broken", breaks: breaks.slice(0, 1), links: 0 });
    // Without a link in any row nothing is left to be held against it; the hole is told.
    await db.sql`UPDATE movements SET chain = NULL, chain_commitment = NULL, chain_salt = NULL`;
    await db.sql`UPDATE quarantine SET chain = NULL, chain_commitment = NULL, chain_salt = NULL`;
    const holes = [{ from: 1, to: COUNT }];
    expect(await verify()).toEqual({ kind: "intact", segments: [], holes, links: 0 });
  });

  test("that a chain was cut, so that rows with links are in none", async () => {
    await db.sql`
      UPDATE chains SET last_seq = 3, ended_at = now(),
        last_chain = (SELECT chain FROM movements WHERE seq = 3)`;
    await db.sql`INSERT INTO chains (partition, first_seq) VALUES (0, ${COUNT + 1})`;
    await db.sql`
      UPDATE partitions SET chain = decode(${originOf(0, COUNT + 1)}, 'hex') WHERE partition = 0`;
    await change("reason = 'because'");
    expect(await verify()).toMatchObject({
      kind: "broken",
      breaks: [{ seq: 4, upTo: COUNT, cause: "outside" }],
      segments: [{ from: 1, to: 3, breakCount: 0 }, { from: COUNT + 1 }],
      holes: [{ from: 4, to: COUNT }],
    });
  });

  test("that several rows were changed, each of them, and nothing of what is behind them", async () => {
    await db.sql`UPDATE movements SET reason = 'because' WHERE seq IN (2, 9, 10, 20)`;
    await db.sql`UPDATE movements SET chain = decode(repeat('00', 32), 'hex') WHERE seq = 5`;
    await db.sql`UPDATE movements SET chain = NULL WHERE seq = 15`;
    await db.sql`DELETE FROM movements WHERE seq IN (17, 18)`;
    expect(await verify()).toMatchObject({
      kind: "broken",
      seq: 2,
      cause: "changed",
      breaks: [
        { seq: 2, upTo: 2, cause: "changed" },
        { seq: 5, upTo: 5, cause: "changed" },
        { seq: 9, upTo: 10, cause: "changed" },
        { seq: 15, upTo: 15, cause: "no_link" },
        { seq: 17, upTo: 18, cause: "missing" },
        { seq: 20, upTo: 20, cause: "changed" },
      ],
      breakCount: 6,
      segments: [{ from: 1, to: COUNT, breakCount: 6 }],
      links: COUNT,
    });
  });

  test("also where more breaks than are listed: they are counted", async () => {
    const more = 300;
    await writer.append(batch(rows(COUNT + 1, more)));
    await db.sql`UPDATE movements SET reason = 'because' WHERE seq % 2 = 0 AND seq > ${COUNT}`;
    const report = await verifyChain(db.sql, 0, { pageRows: 50 });
    expect(report).toMatchObject({ kind: "broken", breakCount: more / 2, seq: COUNT + 1 });
    expect(report.kind === "broken" && report.breaks.length).toBe(100);
  });

  test("of a chain that was begun behind a broken one, by itself", async () => {
    await change("reason = 'because'");
    const plain = createLedgerWriter(db.sql, { chain: false });
    await plain.cursor(0);
    await plain.append(batch(rows(COUNT + 1, 2)));
    await writer.cursor(0);
    await writer.append(batch(rows(COUNT + 3, 5)));
    const segments = [
      { from: 1, to: COUNT, breakCount: 1 },
      { from: COUNT + 3, to: COUNT + 7, breakCount: 0 },
    ];
    const holes = [{ from: COUNT + 1, to: COUNT + 2 }];
    expect(await verify()).toMatchObject({ breaks: [{ seq: 9 }], breakCount: 1, segments, holes });
    await db.sql`UPDATE movements SET reason = 'because' WHERE seq = ${COUNT + 5}`;
    expect(await verify()).toMatchObject({
      breaks: [{ seq: 9 }, { seq: COUNT + 5 }],
      segments: [{ breakCount: 1 }, { breakCount: 1 }],
    });
  });
});
