/** A customer whom the ledger forgets, and limits with it. */
import { expect } from "bun:test";
import { CustomerId } from "#inventory/model";
import type { PseudonymWork } from "#inventory/pseudonym-ports";
import { steadyClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { createPseudonymizations, createPseudonymWork } from "#postgres/pseudonymizations";
import { createCountedCustomers } from "#redis/forget-customer";
import type { ReconcileBed } from "#test/reconcile";

type Bed = Pick<ReconcileBed, "db" | "redis" | "storeId">;

/** Asks for it, and answers who does it, a step that looks at so many movements at a time. */
export async function forgetting(
  { db, redis, storeId }: Bed,
  customerId: CustomerId,
  movements = 1_000,
): Promise<PseudonymWork> {
  const asked = await createPseudonymizations(db.sql, steadyClock).ask(
    {
      id: randomId(32),
      customerId,
      pseudonym: CustomerId.parse(`pseudonym-${randomId(20)}`),
      operation: null,
      askedBy: "admin:ada",
    },
    steadyClock.now() + 5_000,
  );
  expect(asked.kind).toBe("asked");
  const counted = createCountedCustomers(redis, storeId);
  return createPseudonymWork(db.sql, { counted, partitions: 1 }, { movements });
}

/** Until nothing is left of it. */
export async function forgotten(bed: Bed, customerId: CustomerId): Promise<void> {
  for (const work = await forgetting(bed, customerId); await work.step(););
}
