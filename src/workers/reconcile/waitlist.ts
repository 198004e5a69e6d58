/** What is derived from who waits (lines, how long they are, how many places customers have), against the records. */
import { settle, type Comparison } from "#workers/reconcile/comparison";
import { tellUnreadable } from "#workers/reconcile/unreadable";

/** After the records themselves: what they are mended to counts here. */
export async function checkWaitlist(run: Comparison): Promise<void> {
  if (run.scope.kind === "products") return;
  for (const partition of run.partitions) await checkPartition(run, partition);
}

async function checkPartition(run: Comparison, partition: number): Promise<void> {
  const { seq: since } = await run.stock.moment(partition);
  const owners = new Map<string, string[]>();
  const customers = new Map<string, Set<string>>();
  for (let cursor: string | null = "0"; cursor !== null;) {
    const page = await run.stock.waiters(partition, cursor);
    if (page.unreadable !== null) return;
    for (const { id, productId, owner, customer } of page.places) {
      if (customer !== null) {
        const ids = customers.get(customer) ?? new Set();
        customers.set(customer, ids.add(id));
      }
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
  await checkPlaces(run, partition, customers, since);
}

/** After the lines: who joined since the records were walked over is found in them. */
async function checkPlaces(
  run: Comparison,
  partition: number,
  customers: ReadonlyMap<string, ReadonlySet<string>>,
  since: number,
): Promise<void> {
  const differing = new Set(customers.keys());
  for (let cursor: string | null = "0"; cursor !== null;) {
    const page = await run.stock.placeCounts(partition, cursor);
    if (page.unreadable !== null) return await tellUnreadable(run, partition, page.unreadable);
    for (const [customer, count] of page.counts) {
      if (String(customers.get(customer)?.size) === count) differing.delete(customer);
      else differing.add(customer);
    }
    cursor = page.next;
    await run.goOn();
  }
  // As both were read they are of no one moment: each is looked at again at one.
  for (const customer of differing) {
    const of = { customer, ids: [...(customers.get(customer) ?? [])], since };
    if (await run.stock.hasExactPlaces(partition, of)) continue;
    await settle(run, {
      found: {
        kind: "record",
        partition,
        productId: null,
        location: null,
        reservationId: null,
        redis: `the places in line of customer ${customer}`,
        ledger: null,
        cause: `customer ${customer} has not as many places in line as its records say`,
      },
      repair: { side: "places", partition, of },
    });
  }
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
