/** Receipts of incoming stock, by the ledger alone and at one moment: what came, came once. */
import { IncomingId, reasonOfReceipt } from "#inventory/incoming-ports";
import type { LedgerSnapshot, ReceiptMovement, StoredReceipt } from "#inventory/ledger-snapshot";
import { settle, type Comparison } from "#workers/reconcile/comparison";

/** Seqs of one statement: few of their movements are of receipts. */
const PART_MOVEMENTS = 50_000;
const PAGE_RECEIPTS = 5_000;
const PAGE_LOTS = 5_000;
/** Receipts that are known by their movements, some 150 bytes each; with more of them none is missed. */
const RECEIPTS_FOLLOWED_MAX = 1_000_000;
/** Of what was refused, and of what came after all, the row is told in a moment. */
const SETTLED_MS = 60_000;
const FIRST = IncomingId.parse("00000000-0000-0000-0000-000000000000");

/** What came of a receipt, by the reason of its movements. */
type Came = Map<string, { readonly productId: string; readonly units: number; times: number }>;

export async function checkReceipts(run: Comparison): Promise<void> {
  if (run.scope.kind === "products") return;
  await run.ledger.atOneMoment(async (snapshot) => {
    const { until } = await snapshot.openings();
    const came: Came = new Map();
    for (const [place, partition] of run.partitions.entries()) {
      const cursor = snapshot.cursors.get(partition) ?? 0;
      for (let after = until; after < cursor; after += PART_MOVEMENTS) {
        const upTo = Math.min(after + PART_MOVEMENTS, cursor);
        for (const one of await snapshot.receiptMovements(partition, after, upTo)) note(came, one);
        const share = (upTo - until) / (cursor - until);
        await run.advance("receipts", (place + share) / run.partitions.length);
      }
    }
    await compareReceipts(run, snapshot, came, until);
    await compareLots(run, snapshot);
  });
}

function note(came: Came, { reason, productId, units }: ReceiptMovement): void {
  const known = came.get(reason);
  if (known !== undefined) known.times += 1;
  else if (came.size < RECEIPTS_FOLLOWED_MAX) came.set(reason, { productId, units, times: 1 });
}

async function compareReceipts(
  run: Comparison,
  snapshot: LedgerSnapshot,
  came: Came,
  until: number,
): Promise<void> {
  let after: Pick<StoredReceipt, "incomingId" | "receipt"> = { incomingId: FIRST, receipt: 0 };
  for (;;) {
    await run.goOn();
    const page = await snapshot.receipts(after, PAGE_RECEIPTS);
    for (const receipt of page) {
      if (!run.partitions.includes(receipt.partition)) continue;
      const cause = await wrongWith(snapshot, receipt, came, until);
      if (cause !== null) await tell(run, receipt, cause);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_RECEIPTS) return;
    after = last;
  }
}

/** null: nothing. */
async function wrongWith(
  snapshot: LedgerSnapshot,
  receipt: StoredReceipt,
  came: Came,
  until: number,
): Promise<string | null> {
  const { units, state, productId, ageMs, ledgerSeq } = receipt;
  const reason = reasonOfReceipt(receipt);
  const own = came.get(reason);
  if (own === undefined) {
    // Of what was put away nothing is known.
    const isUnknown = ledgerSeq < until || came.size === RECEIPTS_FOLLOWED_MAX;
    if (state !== "done" || isUnknown) return null;
    const isExcused = await snapshot.mayBeUnderAnotherName(receipt, reason);
    return isExcused ? null : `it is done, and the ledger has no movement "${reason}"`;
  }
  if (own.times > 1) return `the ledger has ${own.times} movements "${reason}"`;
  if (own.units !== units || own.productId !== productId) {
    return `it is of ${units} ${productId}, and its movement of ${own.units} ${own.productId}`;
  }
  const isOver = state === "refused" && ageMs > SETTLED_MS;
  return isOver ? "it was refused, and its units came" : null;
}

async function compareLots(run: Comparison, snapshot: LedgerSnapshot): Promise<void> {
  for (let after: IncomingId | null = FIRST; after !== null;) {
    await run.goOn();
    const page: Awaited<ReturnType<LedgerSnapshot["lots"]>> = await snapshot.lots(after, PAGE_LOTS);
    for (const { incomingId, productId, partition, received, units } of page.wrong) {
      if (partition === null || !run.partitions.includes(partition)) continue;
      const cause = `it counts other receipts than it has: ${received} units received, ${units} there`;
      await tell(run, { incomingId, productId, partition }, cause);
    }
    after = page.last;
  }
}

/** What became of goods is for a person to find out. */
async function tell(
  run: Comparison,
  of: Pick<StoredReceipt, "partition" | "productId" | "incomingId"> & { receipt?: number },
  cause: string,
): Promise<void> {
  const { partition, productId, incomingId, receipt } = of;
  const name = receipt === undefined ? "" : `, receipt ${receipt}`;
  const found = {
    kind: "receipt" as const,
    partition,
    productId,
    location: null,
    reservationId: null,
    redis: null,
    ledger: `incoming ${incomingId}${name}`,
    cause,
  };
  await settle(run, { found, repair: null });
}
