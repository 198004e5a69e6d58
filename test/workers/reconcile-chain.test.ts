import { describe, expect, test } from "bun:test";
import { CustomerId } from "#inventory/model";
import { steadyClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { createPseudonymizations, createPseudonymWork } from "#postgres/pseudonymizations";
import { verifyChain } from "#postgres/verify-chain";
import { journalKey } from "#redis/keys";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { adjustCommand, endCommand, initialize, reserve, soon } from "#test/store";
import { NOBODY_COUNTED } from "#test/pseudonyms";

const CAROL = CustomerId.parse("carol");
const PRODUCTS = 3;
/** Of each product: made, held, sold, adjusted. Holds and sales name a customer. */
const MOVEMENTS = 4 * PRODUCTS;

const openChained = () => openReconcileBed({ chain: true });

async function fill({ store, drained }: ReconcileBed): Promise<void> {
  for (let i = 0; i < PRODUCTS; i += 1) {
    const id = `p${i}`;
    await initialize(store, id, 50);
    const hold = await reserve(store, `o${i}`, { [id]: 2 }, { customerId: CAROL });
    await store.confirm(endCommand(hold.reservationId));
    await store.adjust(adjustCommand(id, 1));
  }
  await drained();
}

const verify = (bed: ReconcileBed) => verifyChain(bed.db.sql, 0);
const intact = { kind: "intact", segments: [{ from: 1, to: MOVEMENTS }] } as const;

const LOST: readonly (readonly [what: string, seqs: readonly number[]])[] = [
  ["the first", [1]],
  ["a sale to a customer", [3]],
  ["one that names nobody", [4]],
  ["the last", [MOVEMENTS]],
  ["several that follow each other, up to the end", [9, 10, 11, MOVEMENTS]],
  ["all but two", [1, 2, 3, 4, 5, 7, 8, 9, 10, 12]],
];

describe("a movement that was deleted, and that the journal still has, is put back with its link:", () => {
  test.each(LOST)("%s", async (_what, seqs) => {
    await using bed = await openChained();
    await fill(bed);
    const link = await verify(bed);
    expect(link).toMatchObject(intact);
    const rows = [...(await bed.db.sql`SELECT * FROM movements ORDER BY seq`)];
    await bed.db.sql`DELETE FROM movements WHERE seq = ANY (${[...seqs]})`;
    expect(await verify(bed)).toMatchObject({ kind: "broken", cause: "missing", seq: seqs[0] });
    const { differences } = await bed.repair();
    expect(differences.length).toBe(seqs.length);
    expect(await verify(bed)).toEqual(link);
    expect([...(await bed.db.sql`SELECT * FROM movements ORDER BY seq`)]).toEqual(rows);
    expect((await bed.report()).differences).toEqual([]);
    // The drain goes on with the same chain.
    await bed.store.adjust(adjustCommand("p1", 1));
    await bed.drained();
    expect(await verify(bed)).toMatchObject({ kind: "intact", links: MOVEMENTS + 1 });
  });
});

test("what the chain says of pseudonyms is before and behind a movement that comes back", async () => {
  await using bed = await openChained();
  await fill(bed);
  const forget = async (): Promise<void> => {
    const id = randomId(32);
    const pseudonym = CustomerId.parse(`pseudonym-${id}`);
    const wanted = { id, customerId: CAROL, pseudonym, operation: null, askedBy: "admin:ada" };
    await createPseudonymizations(bed.db.sql, steadyClock).ask(wanted, soon());
    for (const work = createPseudonymWork(bed.db.sql, NOBODY_COUNTED); await work.step(););
  };
  /** One that names nobody. */
  const lost = async (seq: number): Promise<void> => {
    await bed.db.sql`DELETE FROM movements WHERE seq = ${seq}`;
    expect((await bed.repair()).differences.length).toBe(1);
    expect(await verify(bed)).toMatchObject({ kind: "intact" });
  };
  await forget();
  expect(await bed.db.count("SELECT max(after_seq) FROM chain_pseudonyms")).toBe(MOVEMENTS);
  await lost(MOVEMENTS);
  await bed.store.adjust(adjustCommand("p1", 1));
  await bed.drained();
  await lost(MOVEMENTS);
  await lost(MOVEMENTS + 1);
});

describe("a chain stays broken", () => {
  test("where a movement was put back that is not what stood there", async () => {
    await using bed = await openChained();
    await fill(bed);
    // The journal has another actor of it than the ledger had.
    const [entry] = await bed.redis.xrange(journalKey(0), "-", "+", "COUNT", 1);
    const [id = "", fields = []] = entry ?? [];
    const changed = fields.map((text) => text.replaceAll('"actor":"', '"actor":"admin:eve of '));
    const rest = await bed.redis.xrange(journalKey(0), `(${id}`, "+");
    await bed.redis.del(journalKey(0));
    await bed.redis.xadd(journalKey(0), id, ...changed);
    for (const [later, own] of rest) await bed.redis.xadd(journalKey(0), later, ...own);
    await bed.db.sql`DELETE FROM movements WHERE seq = 1`;
    expect(namesOf(await bed.repair())).toEqual(["chain -", "missing_movement -"]);
    expect(await verify(bed)).toMatchObject({ kind: "broken", seq: 1, cause: "no_link" });
    const { differences } = await bed.report();
    expect(differences).toMatchObject([{ kind: "chain", partition: 0, repaired: false }]);
  });

  test("where the journal has forgotten what it was", async () => {
    await using bed = await openChained();
    await fill(bed);
    await bed.redis.xtrim(journalKey(0), "MAXLEN", 0);
    await bed.db.sql`DELETE FROM movements WHERE seq = 4`;
    expect((await bed.repair()).differences).toMatchObject([
      { kind: "missing_movement", repaired: true },
      { kind: "chain", repaired: false },
    ]);
    expect(namesOf(await bed.report())).toEqual(["chain -"]);
    expect(await verify(bed)).toMatchObject({ kind: "broken", seq: 4, cause: "no_link" });
  });

  test("where somebody was forgotten since, for nothing leads to the salt any more", async () => {
    await using bed = await openChained();
    await fill(bed);
    const forget = {
      id: randomId(32),
      customerId: CustomerId.parse("dan"),
      pseudonym: CustomerId.parse("pseudonym-of-a-test"),
      operation: null,
      askedBy: "admin:ada",
    };
    expect(
      await createPseudonymizations(bed.db.sql, steadyClock).ask(forget, soon()),
    ).toMatchObject({ kind: "asked" });
    await bed.db.sql`DELETE FROM movements WHERE seq = 3`;
    await bed.repair();
    expect(await verify(bed)).toMatchObject({ kind: "broken", seq: 3, cause: "no_link" });
    // What is written from now on can be put back again.
    const hold = await reserve(bed.store, "o9", { p1: 2 }, { customerId: CAROL });
    await bed.drained();
    await bed.store.confirm(endCommand(hold.reservationId));
    await bed.drained();
    const [row] = await bed.db.sql`SELECT chain FROM movements ORDER BY seq DESC LIMIT 1`;
    await bed.db.sql`DELETE FROM movements WHERE seq = (SELECT max(seq) FROM movements)`;
    await bed.repair();
    const [back] = await bed.db.sql`SELECT chain FROM movements ORDER BY seq DESC LIMIT 1`;
    expect(back).toEqual(row);
  });
});

test("without a chain a movement is put back without a link", async () => {
  await using bed = await openReconcileBed();
  await fill(bed);
  await bed.db.sql`DELETE FROM movements WHERE seq = 3`;
  await bed.repair();
  expect(await bed.db.count("SELECT count(chain) FROM movements")).toBe(0);
  expect(await verify(bed)).toMatchObject({ kind: "intact", segments: [], links: 0 });
});
