import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CustomerId, OrderId, type Movement } from "#inventory/model";
import type { LedgerWriter } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createPseudonymizations, createPseudonymWork } from "#postgres/pseudonymizations";
import { verifyChain, type ChainReport } from "#postgres/verify-chain";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, movement, oversold, reservation } from "#test/movements";

const CAROL = CustomerId.parse("carol");
const COUNT = 25;

let db: TestLedger;
let writer: LedgerWriter;
beforeEach(async () => {
  db = await openLedger({ partitions: 2 });
  writer = createLedgerWriter(db.sql, { chain: true });
  await writer.cursor(0);
});
afterEach(() => db[Symbol.asyncDispose]());

/** Some with a customer, some whose actor is one, some of neither. */
function row(seq: number, more: Partial<Movement> = {}): Movement {
  const named = {
    customerId: seq % 3 === 0 ? CAROL : null,
    actor: seq % 4 === 0 ? `customer:${CAROL}` : "service:shop",
    reference: `R-${seq}`,
  };
  return movement(seq, { ...named, ...more });
}
const rows = (first: number, count: number): Movement[] =>
  Array.from({ length: count }, (_, i) => row(first + i));

/** 25 movements in three batches; the 13th was set aside. */
async function write(): Promise<void> {
  await writer.append(batch(rows(1, 5)));
  await writer.append(batch(rows(6, 7)));
  const aside = oversold(13, { customerId: CAROL });
  const hold = reservation(1, { customerId: CAROL, seq: 13 });
  await writer.quarantine(batch([aside], { reservations: [hold] }), "refused by a test");
  await writer.append(batch(rows(14, COUNT - 13)));
}

/** Replaces a customer's id, as a worker does it. */
async function forget(customerId: CustomerId, onStep?: () => Promise<void>): Promise<CustomerId> {
  const id = randomId(32);
  const pseudonym = CustomerId.parse(`pseudonym-${id}`);
  const wanted = { id, customerId, pseudonym, operation: null, askedBy: "admin:ada" };
  const asked = await createPseudonymizations(db.sql, systemClock).ask(wanted, soon());
  expect(asked).toMatchObject({ kind: "asked" });
  const work = createPseudonymWork(db.sql, { movements: 4 });
  while (await work.step()) await onStep?.();
  return pseudonym;
}

/** Whatever the pages are, the same is found. */
async function verify(partition = 0): Promise<ChainReport> {
  const report = await verifyChain(db.sql, partition);
  for (const pageRows of [1, 2, 7, 12, 13]) {
    expect(await verifyChain(db.sql, partition, { pageRows })).toEqual(report);
  }
  return report;
}

const intact = { kind: "intact", links: COUNT, segments: [{ from: 1, to: COUNT }] };

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
    expect(await verify(1)).toEqual({ kind: "intact", segments: [], links: 0 });
    const pages: number[] = [];
    await verifyChain(db.sql, 0, { pageRows: 20, onPage: (links) => pages.push(links) });
    expect(pages).toEqual([20, 30]);
  });

  test("is not there where nobody switched it on, and rows have nothing of it", async () => {
    const plain = createLedgerWriter(db.sql, { chain: false });
    await plain.cursor(1);
    await plain.append(batch([row(1, { partition: 1 }), row(2, { partition: 1 })]));
    await plain.quarantine(batch([oversold(3, { partition: 1 })]), "refused");
    expect(await verify(1)).toEqual({ kind: "intact", segments: [], links: 0 });
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
    expect(await verify(1)).toEqual({ kind: "intact", segments: [], links: 0 });
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
    ["a link, taken away", "chain = NULL"],
  ])("that %s was changed", async (_, text) => {
    await change(text);
    expect(await verify()).toEqual({ kind: "broken", seq: 9, cause: "changed" });
  });

  test("that a customer was replaced by no pseudonym of ours", async () => {
    await change("customer_id = 'dan', chain_salt = NULL");
    expect(await verify()).toEqual({ kind: "broken", seq: 9, cause: "replaced_customer" });
  });

  test.each([1, 9, 13, COUNT])("that the row %i was deleted", async (seq) => {
    await db.sql`DELETE FROM movements WHERE seq = ${seq}`;
    await db.sql`DELETE FROM quarantine WHERE seq = ${seq}`;
    expect(await verify()).toEqual({ kind: "broken", seq, cause: "missing" });
  });

  test("that rows were swapped, with their links or without", async () => {
    await db.sql`UPDATE movements SET seq = 1000 WHERE seq = 10`;
    await db.sql`UPDATE movements SET seq = 10 WHERE seq = 9`;
    await db.sql`UPDATE movements SET seq = 9 WHERE seq = 1000`;
    expect(await verify()).toEqual({ kind: "broken", seq: 9, cause: "changed" });
    await db.sql`
      UPDATE movements AS own SET chain = other.chain
      FROM movements AS other WHERE own.seq + other.seq = 19 AND own.seq IN (9, 10)`;
    expect(await verify()).toEqual({ kind: "broken", seq: 9, cause: "changed" });
  });

  test.each([COUNT + 1, COUNT + 1_000, 0])("that a row was inserted as %i", async (seq) => {
    await db.sql`
      INSERT INTO movements
      SELECT (jsonb_populate_record(own, jsonb_build_object('seq', ${seq}::bigint))).*
      FROM movements AS own WHERE own.seq = 9`;
    expect(await verify()).toEqual({ kind: "broken", seq, cause: "inserted" });
  });

  test("that a row was inserted beside one that was set aside, unless it is that one", async () => {
    await db.sql`
      INSERT INTO movements
      SELECT (jsonb_populate_record(own, jsonb_build_object('seq', 13))).*
      FROM movements AS own WHERE own.seq = 9`;
    expect(await verify()).toEqual({ kind: "broken", seq: 13, cause: "inserted" });
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
    expect(await verify()).toEqual({ kind: "broken", seq: COUNT + 1, cause: "inserted" });
  });

  test("that what was set aside was changed", async () => {
    await db.sql`UPDATE quarantine SET payload = replace(payload::text, 'default', 'Default')::json`;
    expect(await verify()).toEqual({ kind: "broken", seq: 13, cause: "changed" });
  });

  test("that the end was cut off, and the cursor put back", async () => {
    await db.sql`DELETE FROM movements WHERE seq > 20`;
    await db.sql`UPDATE partitions SET cursor_seq = 20 WHERE partition = 0`;
    expect(await verify()).toEqual({ kind: "broken", seq: 20, cause: "other_end" });
  });

  test("that nobody shall know of a chain any more", async () => {
    await db.sql`DELETE FROM chains`;
    expect(await verify()).toEqual({ kind: "broken", seq: COUNT, cause: "other_end" });
  });
});

describe("a customer that became a pseudonym", () => {
  test("changes no link, in movements and in what was set aside", async () => {
    await write();
    const before = await verify();
    await forget(CAROL, async () => {
      expect(await verifyChain(db.sql, 0)).toEqual(before);
    });
    expect(await verify()).toEqual(before);
    const named = `customer_id = '${CAROL}' OR actor LIKE '%${CAROL}%'`;
    expect(await db.count(`SELECT count(*) FROM movements WHERE ${named}`)).toBe(0);
    // Nobody can try ids against what is left.
    const salts = "SELECT count(*) FROM movements WHERE chain_salt IS NOT NULL";
    expect(await db.count(salts)).toBe(0);
    expect(await db.count("SELECT count(*) FROM quarantine WHERE chain_salt IS NOT NULL")).toBe(0);
    await db.sql`UPDATE movements SET customer_id = 'dan' WHERE seq = 9`;
    expect(await verify()).toEqual({ kind: "broken", seq: 9, cause: "replaced_customer" });
  });

  test("leaves what somebody else did, and was set aside, with all that the chain needs of it", async () => {
    await write();
    const others = { customerId: CustomerId.parse("dan"), actor: "service:carol" };
    const same = { orderId: OrderId.parse(CAROL), reason: CAROL, reference: `customer:${CAROL}` };
    await writer.quarantine(batch([oversold(COUNT + 1, { ...others, ...same })]), "refused");
    const aside = () => db.sql`SELECT payload::text, chain_salt FROM quarantine WHERE seq > 13`;
    const before = [...(await aside())];
    await forget(CAROL);
    expect([...(await aside())]).toEqual(before);
    expect(await verify()).toMatchObject({ kind: "intact", links: COUNT + 1 });
  });
});
