/** Claims of SKUs that no product has: they keep the SKU from whoever wants it. */
import { settle, type Comparison } from "#workers/reconcile/comparison";
import { tellUnreadable } from "#workers/reconcile/unreadable";

/** A claim comes before its product: one so old was left by a caller that died in between. */
const YOUNG_MS = 60_000;

export async function checkClaims(run: Comparison): Promise<void> {
  if (run.scope.kind === "products") return;
  for (let cursor: string | null = "0"; cursor !== null;) {
    const page = await run.stock.skuClaims(cursor);
    for (const key of page.unreadable) await tellUnreadable(run, run.partitions[0] ?? 0, key);
    const own = page.claims.filter(
      ({ productId, ageMs }) =>
        ageMs > YOUNG_MS && run.partitions.includes(run.stock.partitionOf(productId)),
    );
    const known = await run.ledger.attributes(own.map(({ productId }) => productId));
    const strange = own.filter(
      ({ sku, productId }) => known.get(productId)?.attributes.sku !== sku,
    );
    for (const claim of strange) await checkClaim(run, claim);
    await run.goOn();
    cursor = page.next;
  }
}

interface Claim {
  readonly sku: string;
  readonly productId: string;
  readonly text: string;
}

async function checkClaim(run: Comparison, { sku, productId, text }: Claim): Promise<void> {
  const partition = run.stock.partitionOf(productId);
  const { at, found } = await run.stock.products(partition, [productId]);
  // A product of Redis alone is told of by its counts, and its claim is its own.
  if (found[0]?.sku === sku) return;
  await run.follow(partition, at.seq);
  const known = (await run.ledger.attributes([productId])).get(productId);
  if (known?.attributes.sku === sku) return;
  // Whose it is, is met there.
  if ((await run.ledger.productOfSku(sku)) !== null) return;
  const who = known === undefined ? "there is no such product" : "it has another SKU";
  const base = { kind: "sku" as const, partition, productId, location: null, reservationId: null };
  await settle(run, {
    found: {
      ...base,
      redis: productId,
      ledger: known?.attributes.sku ?? null,
      cause: `SKU ${sku} is claimed for ${productId}, and ${who}`,
    },
    repair: { side: "claim", sku, text },
  });
}
