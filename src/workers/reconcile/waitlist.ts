/** What is derived from who waits (the line of each product, how many it has), against the records. */
import { settle, type Comparison } from "#workers/reconcile/comparison";
import { tellUnreadable } from "#workers/reconcile/unreadable";

/** After the records themselves: what they are mended to counts here. */
export async function checkWaitlist(run: Comparison): Promise<void> {
  if (run.scope.kind === "products") return;
  for (const partition of run.partitions) await checkPartition(run, partition);
}

async function checkPartition(run: Comparison, partition: number): Promise<void> {
  const owners = new Map<string, string[]>();
  for (let cursor: string | null = "0"; cursor !== null;) {
    const page = await run.stock.waiters(partition, cursor);
    if (page.unreadable !== null) return;
    for (const { productId, owner } of page.places) {
      const line = owners.get(productId) ?? [];
      owners.set(productId, line);
      line.push(owner);
    }
    cursor = page.next;
    await run.goOn();
  }
  const waited = new Set(owners.keys());
  for (let cursor: string | null = "0"; cursor !== null;) {
    const { next, productIds } = await run.stock.keys(partition, cursor);
    for (const id of await run.stock.withLine(partition, productIds)) waited.add(id);
    cursor = next;
    await run.goOn();
  }
  for (const productId of waited) await checkLine(run, partition, productId, owners.get(productId));
}

/** One look is of one moment, and what was found is made anew at one moment, under whatever traffic. */
async function checkLine(
  run: Comparison,
  partition: number,
  productId: string,
  owners: readonly string[] = [],
): Promise<void> {
  const isExact = await run.stock.hasExactLine(partition, { productId, owners });
  if (isExact === true) return;
  if (isExact !== false) return await tellUnreadable(run, partition, isExact);
  await settle(run, {
    found: {
      kind: "record",
      partition,
      productId,
      location: null,
      reservationId: null,
      redis: `the line of ${productId}`,
      ledger: null,
      cause: `who waits for ${productId} is not what its records say`,
    },
    repair: { side: "line", partition, productId, owners },
  });
}
