import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CustomerId, OrderId, type Movement } from "#inventory/model";
import type { LedgerWriter } from "#inventory/ports";
import { commitmentOf, isPersonal, linksOf } from "#postgres/chain";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { MIGRATIONS } from "#postgres/migrations";
import { createPseudonymWork } from "#postgres/pseudonymizations";
import { verifyChain } from "#postgres/verify-chain";
import {
  CAROL,
  COUNT,
  intact,
  openChainedLedger,
  row,
  rows,
  type ChainedLedger,
} from "#test/chained";
import type { TestLedger } from "#test/ledger";
import { batch, oversold } from "#test/movements";
import { NOBODY_COUNTED } from "#test/pseudonyms";

let bed: ChainedLedger;
let db: TestLedger;
let writer: LedgerWriter;
beforeEach(async () => {
  bed = await openChainedLedger();
  ({ db, writer } = bed);
});
afterEach(() => bed[Symbol.asyncDispose]());

describe("a customer that became a pseudonym", () => {
  test("changes no link, in movements and in what was set aside", async () => {
    await bed.write();
    const before = await bed.verify();
    const chains = () => db.sql`SELECT seq, chain FROM movements ORDER BY seq`;
    const links = [...(await chains())];
    await bed.forget(CAROL, async () => {
      expect(await bed.verify()).toMatchObject(intact);
    });
    expect(await bed.verify()).toMatchObject(intact);
    expect([...(await chains())]).toEqual(links);
    // The end says who bears a pseudonym now.
    expect((await bed.verify()).segments).not.toEqual(before.segments);
    const named = `customer_id = '${CAROL}' OR actor LIKE '%${CAROL}%'`;
    expect(await db.count(`SELECT count(*) FROM movements WHERE ${named}`)).toBe(0);
    // Nobody can try ids against what is left.
    const salts = "SELECT count(*) FROM movements WHERE chain_salt IS NOT NULL";
    expect(await db.count(salts)).toBe(0);
    expect(await db.count("SELECT count(*) FROM quarantine WHERE chain_salt IS NOT NULL")).toBe(0);
    await writer.cursor(0);
    await writer.append(batch(rows(COUNT + 1, 5)));
    expect(await bed.verify()).toMatchObject({ kind: "intact", links: COUNT + 5 });
  });

  test("leaves what somebody else did, and was set aside, with all that the chain needs of it", async () => {
    await bed.write();
    const others = { customerId: CustomerId.parse("dan"), actor: "service:carol" };
    const same = { orderId: OrderId.parse(CAROL), reason: CAROL, reference: `customer:${CAROL}` };
    await writer.quarantine(batch([oversold(COUNT + 1, { ...others, ...same })]), "refused");
    const aside = () => db.sql`SELECT payload::text, chain_salt FROM quarantine WHERE seq > 13`;
    const before = [...(await aside())];
    await bed.forget(CAROL);
    expect([...(await aside())]).toEqual(before);
    expect(await bed.verify()).toMatchObject({ kind: "intact", links: COUNT + 1 });
  });

  test("cannot be given what another one did, and what it did cannot be given to another", async () => {
    await bed.write();
    const dans = { customerId: CustomerId.parse("dan"), actor: "customer:dan" };
    await writer.append(batch([row(26, dans), row(27, dans), row(28, { ...dans, actor: "x" })]));
    const carol = await bed.forget(CAROL);
    const dan = await bed.forget(CustomerId.parse("dan"));
    await writer.cursor(0);
    await writer.append(batch([row(29, { customerId: CustomerId.parse("eve"), actor: "x" })]));
    expect(await bed.verify()).toMatchObject({ kind: "intact", links: 29 });
    const given = async (text: string, seq: number, cause = "replaced_customer"): Promise<void> => {
      const [before] = await db.sql`SELECT customer_id, actor FROM movements WHERE seq = ${seq}`;
      await db.sql.unsafe(`UPDATE movements SET ${text} WHERE seq = ${seq}`);
      expect(await bed.verify()).toMatchObject({
        kind: "broken",
        breaks: [{ seq, upTo: seq, cause }],
      });
      const { customer_id = null, actor = "" } = before ?? {};
      await db.sql`
        UPDATE movements SET customer_id = ${customer_id}, actor = ${actor} WHERE seq = ${seq}`;
    };
    await given(`customer_id = '${dan}'`, 9);
    await given(`customer_id = '${dan}', actor = 'customer:${dan}'`, 12);
    await given(`actor = 'customer:innocent'`, 26);
    await given(`customer_id = '${carol}'`, 27);
    await given(`customer_id = '${carol}', chain_salt = NULL`, 29);
  });

  test("is said by the chain, and nobody changes, adds or takes away what it says", async () => {
    await bed.write();
    await bed.forget(CAROL);
    await writer.cursor(0);
    await writer.append(batch(rows(COUNT + 1, 2)));
    await bed.forget(CAROL);
    const kept = await db.sql`SELECT * FROM chain_pseudonyms ORDER BY after_seq, number`;
    expect(kept.length).toBeGreaterThan(2);
    expect(await bed.verify()).toMatchObject({ kind: "intact" });
    const spoiled = async (text: string, cause: string): Promise<void> => {
      await db.sql.unsafe(text);
      const report = await bed.verify();
      const breaks = report.kind === "broken" ? report.breaks : [];
      expect(breaks.map((one): string => one.cause)).toContain(cause);
      await db.sql`DELETE FROM chain_pseudonyms`;
      for (const one of kept) await db.sql`INSERT INTO chain_pseudonyms ${db.sql(one)}`;
      expect(await bed.verify()).toMatchObject({ kind: "intact" });
    };
    await spoiled("DELETE FROM chain_pseudonyms WHERE number = 1", "changed_pseudonyms");
    await spoiled("UPDATE chain_pseudonyms SET pseudonym = 'x'", "changed_pseudonyms");
    await spoiled("UPDATE chain_pseudonyms SET seqs = seqs || 99::bigint", "changed_pseudonyms");
    const made = "INSERT INTO chain_pseudonyms SELECT partition,";
    const rest = "number, 'x', '{1}', chain FROM chain_pseudonyms WHERE number = 1 LIMIT 1";
    await spoiled(`${made} 5, ${rest}`, "changed_pseudonyms");
    await spoiled(`${made} 1000, ${rest}`, "inserted");
  });

  test("is linked to the newest chain that has a movement, also one that was switched off", async () => {
    await bed.write();
    const plain = createLedgerWriter(db.sql, { chain: false });
    await plain.cursor(0);
    await plain.append(batch(rows(COUNT + 1, 3)));
    await bed.forget(CAROL);
    const first = { from: 1, to: COUNT, breakCount: 0 };
    expect(await bed.verify()).toMatchObject({ kind: "intact", segments: [first] });
    await writer.cursor(0);
    await writer.append(batch(rows(COUNT + 4, 3)));
    await bed.forget(CAROL);
    expect(await bed.verify()).toMatchObject({
      kind: "intact",
      segments: [first, { breakCount: 0 }],
    });
    expect(await db.count("SELECT count(*) FROM chain_pseudonyms WHERE after_seq > 28")).toBe(1);
  });

  test("is in the chain whatever is written meanwhile, of however many customers at once", async () => {
    await bed.write();
    const names = [CAROL, ...["dan", "eve", "fay"].map((name) => CustomerId.parse(name))];
    let seq = COUNT;
    let moved = 0;
    const append = async (): Promise<void> => {
      const customerId = names[seq % names.length] ?? null;
      const outcome = await writer.append(batch([row(seq + 1, { customerId, actor: "x" })]));
      if (outcome.kind === "appended") seq += 1;
      else moved += (await writer.cursor(0)).seq === seq ? 1 : Number.NaN;
    };
    for (let i = 0; i < 20; i += 1) await append();
    const worker = async (): Promise<void> => {
      const work = createPseudonymWork(db.sql, NOBODY_COUNTED, { movements: 3 });
      while (await work.step());
    };
    const writing = new AbortController();
    const drain = (async () => {
      while (!writing.signal.aborted) await append();
    })();
    for (const name of names) await bed.ask(name);
    await Promise.all([worker(), worker()]);
    await worker();
    writing.abort();
    await drain;
    expect(moved).toBeGreaterThan(0);
    expect(await verifyChain(db.sql, 0)).toMatchObject({ kind: "intact", links: seq });
  });

  test("that was given before the chain said so is in it since, and can be given to nobody else", async () => {
    await bed.write();
    await bed.forget(CAROL);
    // As a version before migration 21 left it: the end is the link of the last movement.
    await db.sql`DROP TABLE chain_pseudonyms`;
    await db.sql`DROP FUNCTION chain_pseudonym`;
    await db.sql`
      UPDATE partitions SET chain = (SELECT chain FROM movements WHERE seq = ${COUNT})
      WHERE partition = 0`;
    const migration = MIGRATIONS.find(({ name }) => name.startsWith("0021"));
    await db.sql.unsafe(migration?.text ?? "");
    expect(await bed.verify()).toMatchObject(intact);
    await db.sql`UPDATE movements SET customer_id = 'pseudonym-x' WHERE seq = 9`;
    expect(await bed.verify()).toMatchObject({ seq: 9, cause: "replaced_customer" });
  });

  test("cannot be tried against what is left in the database, also where a drain with the old key writes on", async () => {
    const before = rows(1, 12);
    await writer.append(batch(before));
    const key = async () => (await dump()).match(/"chain_key": "[^"]+"/gu);
    const [keys, found] = [await key(), await triedWith(await dump(), before)];
    // All that name her, by the salts and by the key that is there.
    const named = before.filter(isPersonal).map(({ seq }) => seq);
    expect(found).toEqual({ bySalt: named, byKey: named });

    // The request replaces the keys; this writer does not know of it, and goes on.
    await bed.ask(CAROL);
    const later = rows(13, 6);
    expect(await writer.append(batch(later))).toEqual({ kind: "appended" });
    for (const work = createPseudonymWork(db.sql, NOBODY_COUNTED); await work.step(););
    expect(await key()).not.toEqual(keys);
    const left = await dump();
    expect(await triedWith(left, before)).toEqual({ bySalt: [], byKey: [] });
    for (const one of keys ?? []) expect(left).not.toContain(one.slice(-66, -2));
    // What it wrote since still names her; asked for again, nothing of it is left either.
    expect((await triedWith(left, later)).bySalt).toEqual([15, 16, 18]);
    await bed.forget(CAROL);
    expect(await triedWith(await dump(), [...before, ...later])).toEqual({ bySalt: [], byKey: [] });
    await writer.cursor(0);
    expect(await writer.append(batch(rows(19, 3)))).toEqual({ kind: "appended" });
    expect(await triedWith(await dump(), [...before, ...later])).toEqual({ bySalt: [], byKey: [] });
    expect(await bed.verify()).toMatchObject({ kind: "intact", links: 21 });
  });
});

/** Every row of every table. */
async function dump(): Promise<string> {
  const tables = await db.sql`
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;
  const parts: string[] = [];
  for (const { relname } of tables) {
    const name = db.sql(String(relname));
    for (const { text } of await db.sql`SELECT to_jsonb(one)::text AS text FROM ${name} AS one`) {
      parts.push(String(text));
    }
  }
  return parts.join("\n");
}

/** Which of these movements somebody with a dump can tell that they were hers, and by what of it. */
async function triedWith(text: string, movements: readonly Movement[]) {
  const words = text.match(/[0-9a-f]{32,64}/gu) ?? [];
  const salts = new Set(words.flatMap((word) => [word.slice(0, 32), word.slice(-32)]));
  const keys = new Set(words.filter((word) => word.length === 64));
  const kept = await db.sql`
    SELECT seq::integer AS seq, encode(chain_commitment, 'hex') AS commitment FROM movements`;
  const commitments = new Map(kept.map((one) => [Number(one["seq"]), String(one["commitment"])]));
  const isHers = (one: Movement, commitment: string | null | undefined): boolean =>
    commitment === commitments.get(one.seq);
  const named = movements.filter(isPersonal);
  const bySalt = named.filter((one) =>
    [...salts].some((salt) => isHers(one, commitmentOf(one, salt))),
  );
  const byKey = named.filter((one) =>
    [...keys].some((key) => isHers(one, linksOf(key, "", [one])[0]?.commitment)),
  );
  return { bySalt: bySalt.map(({ seq }) => seq), byKey: byKey.map(({ seq }) => seq) };
}
