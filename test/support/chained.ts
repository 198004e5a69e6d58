/** A ledger with a chain of hashes in its first partition, for tests of what the chain says. */
import { expect } from "bun:test";
import { CustomerId, type Movement } from "#inventory/model";
import type { LedgerWriter } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createPseudonymizations, createPseudonymWork } from "#postgres/pseudonymizations";
import { verifyChain, type ChainReport } from "#postgres/verify-chain";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, movement, oversold, reservation } from "#test/movements";
import { NOBODY_COUNTED } from "#test/pseudonyms";

export const CAROL = CustomerId.parse("carol");
/** Movements that `write` writes. */
export const COUNT = 25;

/** Some with a customer, some whose actor is one, some of neither. */
export function row(seq: number, more: Partial<Movement> = {}): Movement {
  const named = {
    customerId: seq % 3 === 0 ? CAROL : null,
    actor: seq % 4 === 0 ? `customer:${CAROL}` : "service:shop",
    reference: `R-${seq}`,
  };
  return movement(seq, { ...named, ...more });
}
export const rows = (first: number, count: number): Movement[] =>
  Array.from({ length: count }, (_, i) => row(first + i));

/** What a walk finds of what `write` wrote. */
export const intact = { kind: "intact", links: COUNT, segments: [{ from: 1, to: COUNT }] };

export interface ChainedLedger extends AsyncDisposable {
  readonly db: TestLedger;
  readonly writer: LedgerWriter;
  /** 25 movements in three batches; the 13th was set aside. */
  write(): Promise<void>;
  /** Asks that a customer's id be replaced. */
  ask(customerId: CustomerId): Promise<CustomerId>;
  /** Replaces a customer's id, as a worker does it. */
  forget(customerId: CustomerId, onStep?: () => Promise<void>): Promise<CustomerId>;
  /** Walks the chain. Whatever the pages are, the same is found. */
  verify(partition?: number): Promise<ChainReport>;
}

export async function openChainedLedger(): Promise<ChainedLedger> {
  const db = await openLedger({ partitions: 2 });
  const writer = createLedgerWriter(db.sql, { chain: true });
  await writer.cursor(0);
  const ask = async (customerId: CustomerId): Promise<CustomerId> => {
    const id = randomId(32);
    const pseudonym = CustomerId.parse(`pseudonym-${id}`);
    const wanted = { id, customerId, pseudonym, operation: null, askedBy: "admin:ada" };
    const asked = await createPseudonymizations(db.sql, systemClock).ask(wanted, soon());
    expect(asked).toMatchObject({ kind: "asked" });
    return pseudonym;
  };
  return {
    db,
    writer,
    async write() {
      await writer.append(batch(rows(1, 5)));
      await writer.append(batch(rows(6, 7)));
      const aside = oversold(13, { customerId: CAROL });
      const hold = reservation(1, { customerId: CAROL, seq: 13 });
      await writer.quarantine(batch([aside], { reservations: [hold] }), "refused by a test");
      await writer.append(batch(rows(14, COUNT - 13)));
    },
    ask,
    async forget(customerId, onStep) {
      const pseudonym = await ask(customerId);
      const work = createPseudonymWork(db.sql, NOBODY_COUNTED, { movements: 4 });
      while (await work.step()) await onStep?.();
      return pseudonym;
    },
    async verify(partition = 0) {
      const report = await verifyChain(db.sql, partition);
      for (const pageRows of [1, 2, 7, 12, 13]) {
        expect(await verifyChain(db.sql, partition, { pageRows })).toEqual(report);
      }
      return report;
    },
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}
