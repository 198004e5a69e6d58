import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CustomerId, type Movement } from "#inventory/model";
import { systemClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { forgetOperations } from "#postgres/forget-operations";
import { createPseudonymizations, createPseudonymWork } from "#postgres/pseudonymizations";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, movement, oversold, reservation } from "#test/movements";
import { NOBODY_COUNTED } from "#test/pseudonyms";

/** What JSON and SQL write with signs before them, and every name that holds another one. */
const CAROL = CustomerId.parse(`carol "O'Neil" \\ %`);
const OTHERS = ["carol", `${CAROL}2`, `x${CAROL}`].map((id) => CustomerId.parse(id));
const PSEUDONYM = CustomerId.parse("pseudonym-of-a-test");
const ID = "0123456789abcdef0123456789abcdef";

let db: TestLedger;
beforeEach(async () => {
  db = await openLedger({ partitions: 2 });
});
afterEach(() => db[Symbol.asyncDispose]());

const asking = () => createPseudonymizations(db.sql, systemClock);
const ask = (more: { id?: string; key?: string; payload?: string; customerId?: CustomerId } = {}) =>
  asking().ask(
    {
      id: more.id ?? ID,
      customerId: more.customerId ?? CAROL,
      pseudonym: more.id === undefined ? PSEUDONYM : CustomerId.parse(`pseudonym-${more.id}`),
      operation: more.key === undefined ? null : { key: more.key, payload: more.payload ?? "body" },
      askedBy: "admin:ada",
    },
    soon(),
  );
const read = () => asking().read(ID, soon());

/** A worker that does one bounded step at a time. */
const worker = () => createPseudonymWork(db.sql, NOBODY_COUNTED, { movements: 7, holds: 2 });

async function finish(): Promise<number> {
  let steps = 0;
  for (const work = worker(); await work.step();) steps += 1;
  return steps;
}

/** Every third movement is Carol's, the others are other customers'; all that she is named in. */
async function write(partition: number, count: number): Promise<Movement[]> {
  const rows = Array.from({ length: count }, (_, i) => {
    const customerId = i % 3 === 0 ? CAROL : (OTHERS[i % OTHERS.length] ?? null);
    const actor = i % 2 === 0 ? `customer:${customerId ?? ""}` : "service:shop";
    return movement(i + 1, { partition, customerId, actor, reason: `r${i}` });
  });
  await db.writer.cursor(partition);
  await db.writer.append(batch(rows));
  return rows;
}

/** Where a text stands, in any row of any table. */
async function tablesWith(text: string): Promise<string[]> {
  const tables = await db.sql`
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;
  const found: string[] = [];
  for (const { relname } of tables) {
    const rows = db.sql(String(relname));
    const part = JSON.stringify(text).slice(1, -1);
    const [row] = await db.sql`
      SELECT FROM ${rows} AS one WHERE strpos(to_jsonb(one)::text, ${part}) > 0 LIMIT 1`;
    if (row !== undefined) found.push(String(relname));
  }
  return found.toSorted();
}

const contents = async (): Promise<string> =>
  JSON.stringify([
    await db.sql`SELECT * FROM movements ORDER BY partition, seq`,
    await db.sql`SELECT * FROM reservations ORDER BY owner`,
    await db.sql`SELECT * FROM quarantine ORDER BY partition, seq`,
  ]);

describe("a customer's id", () => {
  test("is replaced wherever the ledger has it, by one pseudonym, and nothing else changes", async () => {
    await write(0, 40);
    await write(1, 15);
    const states = [1, 2, 3, 4, 5].map((number) =>
      reservation(number, {
        customerId: number === 3 ? CustomerId.parse(`${CAROL}2`) : CAROL,
        status: "CONFIRMED",
        seq: 41,
      }),
    );
    const last = movement(41, { customerId: CAROL, actor: "admin:ada" });
    await db.writer.append(batch([last], { reservations: states }));
    const aside = oversold(42, { customerId: CAROL, actor: `customer:${CAROL}` });
    await db.writer.quarantine(
      batch([aside], {
        reservations: [reservation(9, { customerId: CAROL, seq: 42 })],
        // A reply that a repeat hears names her in a text.
        operations: [{ key: "k", text: `a reply to ${CAROL}`, seq: 42 }],
      }),
      "refused by a test",
    );
    // The tables that a person's name may stand in; a new one has to be thought of here.
    expect(await tablesWith(CAROL)).toEqual(["movements_0", "quarantine", "reservations"]);
    // What repeats hear stands beside the payload for a day, like all such replies.
    expect(await contents()).toContain("a reply to");
    await db.sql`UPDATE quarantine SET created_at = now() - interval '25 hours'`;
    await forgetOperations(db.sql);
    const before = await contents();
    expect(before).not.toContain("a reply to");

    expect(await ask()).toEqual({ kind: "asked", id: ID, replayed: false });
    expect(await read()).toMatchObject({ movements: 0, progress: 0, finishedAt: null });
    await worker().step();
    const under = await read();
    expect(under?.progress).toBeGreaterThan(0);
    expect(under?.progress).toBeLessThan(100);
    expect(await finish()).toBeGreaterThan(8);

    // One in three of 40 and of 15, the last one, and the one that was set aside.
    expect(await read()).toMatchObject({
      movements: 14 + 5 + 1 + 1,
      reservations: 4,
      progress: 100,
      finishedAt: expect.any(Number),
    });
    const quoted = JSON.stringify(CAROL).slice(1, -1);
    const expected = before
      .replaceAll(`"customer:${quoted}"`, `"customer:${PSEUDONYM}"`)
      .replaceAll(`"${quoted}"`, `"${PSEUDONYM}"`);
    const after = await contents();
    expect(after).toBe(expected);
    expect(after).toContain("carol");
    await db.sql`DELETE FROM movements WHERE customer_id = ${`${CAROL}2`} OR customer_id = ${`x${CAROL}`}`;
    await db.sql`DELETE FROM reservations WHERE customer_id = ${`${CAROL}2`}`;
    expect(await tablesWith(CAROL)).toEqual([]);
    expect(await finish()).toBe(0);
  });

  test("is replaced once by workers that do it at once, and by others when some of them die", async () => {
    await write(0, 200);
    await write(1, 200);
    await ask();
    await worker().step();
    // A worker that dies within a step leaves nothing of it.
    await db.sql
      .begin(async (tx) => {
        await createPseudonymWork(tx, NOBODY_COUNTED, { movements: 50 }).step();
        throw new Error("dies");
      })
      .catch(() => null);
    await Promise.all([finish(), finish(), finish()]);
    await finish();
    expect(await read()).toMatchObject({ movements: 67 + 67, progress: 100 });
    const rest = "SELECT count(*) FROM movements WHERE customer_id = 'pseudonym-of-a-test'";
    expect(await db.count(rest)).toBe(134);
  });

  test("that is written after the request stays, movements and holds", async () => {
    await write(0, 3);
    await ask();
    await db.writer.cursor(0);
    const hold = reservation(7, { customerId: CAROL, status: "CONFIRMED", seq: 4 });
    const later = movement(4, { customerId: CAROL });
    await db.writer.append(batch([later], { reservations: [hold] }));
    await finish();
    expect(await read()).toMatchObject({ movements: 1, reservations: 0 });
    const [row] = await db.sql`SELECT customer_id FROM movements WHERE seq = 4`;
    expect(row).toEqual({ customer_id: CAROL });
    // A request of its own finds them.
    expect(await ask({ id: randomId(32) })).toMatchObject({ kind: "asked", replayed: false });
    await finish();
    expect(
      await db.count(`SELECT count(*) FROM reservations WHERE customer_id LIKE 'carol "%'`),
    ).toBe(0);
  });

  test("stays while the customer has a live hold", async () => {
    await write(0, 1);
    const hold = reservation(1, { customerId: CAROL, seq: 2 });
    await db.writer.append(batch([movement(2, { customerId: CAROL })], { reservations: [hold] }));
    expect(await ask()).toEqual({ kind: "has_live_holds", holds: 1 });
    expect(await finish()).toBe(0);
    expect(await ask({ customerId: CustomerId.parse("nobody") })).toMatchObject({ kind: "asked" });
  });
});

describe("a request", () => {
  test("under one key is made once, also when it has finished; another body is told", async () => {
    await write(0, 3);
    expect(await ask({ key: "k" })).toEqual({ kind: "asked", id: ID, replayed: false });
    const again = { id: randomId(32), key: "k" };
    expect(await ask(again)).toEqual({ kind: "asked", id: ID, replayed: true });
    expect(await ask({ ...again, payload: "other" })).toEqual({ kind: "key_reused" });
    await finish();
    expect(await ask(again)).toEqual({ kind: "asked", id: ID, replayed: true });
    // A day later nothing is known of the key, in which the customer has a part.
    await db.sql`UPDATE pseudonymizations SET asked_at = asked_at - interval '25 hours'`;
    await forgetOperations(db.sql);
    expect(await db.count("SELECT count(*) FROM pseudonymizations WHERE key IS NOT NULL")).toBe(0);
    expect(await ask(again)).toMatchObject({ id: again.id, replayed: false });
  });

  test("of a customer that is being replaced joins what is under way, however many ask", async () => {
    await write(0, 3);
    const asked = await Promise.all(
      Array.from({ length: 8 }, () => ask({ id: randomId(32), key: randomId(8) })),
    );
    const ids = asked.map((outcome) => (outcome.kind === "asked" ? outcome.id : outcome.kind));
    expect(new Set(ids).size).toBe(1);
    await finish();
    expect(await db.count("SELECT sum(movements) FROM pseudonymizations")).toBe(1);
  });

  test("of a store without movements ends at once", async () => {
    await ask();
    await finish();
    expect(await read()).toMatchObject({ movements: 0, progress: 100 });
    expect(await asking().read("nothing", soon())).toBeNull();
  });
});
