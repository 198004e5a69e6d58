/** Which product a SKU belongs to: claimed before the product is made, outside all partitions. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import type { Product, ProductId, Sku } from "#inventory/model";
import type { Clock } from "#lib/clock";
import { withDeadline } from "#lib/deadline";
import { failureOf } from "#redis/client";
import { skuKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import type { Reads } from "#redis/reads";
import { recorded } from "#redis/recorded";
import { loadScript, runScript } from "#redis/script";

const claimScript = loadScript("sku/claim.lua");

/** A claim whose product does not exist by then was left by a caller that died in between. */
const CLAIM_MS_MAX = 60_000;
const RETRY_PAUSE_MS = 25;

const ClaimReply = z.array(z.string()).min(1);

export type ClaimOutcome =
  | { readonly kind: "claimed" }
  | { readonly kind: "taken"; readonly productId: ProductId; readonly product: Product | null };

export interface SkuClaimsOptions {
  readonly redis: Redis;
  readonly reads: Reads;
  readonly clock: Clock;
  /** Any partition of the server: its state says whether something may be sent. */
  readonly partition: Partition;
  readonly product: (productId: ProductId, deadline: number) => Promise<Product | null>;
}

export class SkuClaims {
  readonly #options: SkuClaimsOptions;

  constructor(options: SkuClaimsOptions) {
    this.#options = options;
  }

  async claim(sku: Sku, productId: ProductId, deadline: number): Promise<ClaimOutcome> {
    const claim = await this.#run(sku, productId, "", deadline);
    if (claim === null) return { kind: "claimed" };
    const holder = claimOf(claim);
    const product = await this.#options.product(holder.productId, deadline);
    if (product?.sku === sku) return { kind: "taken", productId: holder.productId, product };
    // A SKU never changes: a product that exists under another one will not take this claim up.
    if (product === null && this.#redisNow() - holder.at < CLAIM_MS_MAX) {
      return { kind: "taken", productId: holder.productId, product: null };
    }
    const takenOver = (await this.#run(sku, productId, claim, deadline)) === null;
    if (takenOver) return { kind: "claimed" };
    return { kind: "taken", productId: holder.productId, product: null };
  }

  /** The product that claims the SKU; whether it has it, its own record says. */
  async productOf(sku: Sku, deadline: number): Promise<ProductId | null> {
    const { reads, partition } = this.#options;
    const lookup = { partition, command: "GET" as const, key: skuKey(sku), count: 1 };
    const { value: claim } = await reads.read(lookup, deadline);
    return typeof claim === "string" ? claimOf(claim).productId : null;
  }

  /** Null when the SKU is claimed for the product, else the claim that stands. */
  async #run(
    sku: Sku,
    productId: ProductId,
    stale: string,
    deadline: number,
  ): Promise<string | null> {
    const { redis, clock, partition } = this.#options;
    for (;;) {
      await partition.opened(deadline);
      try {
        // Late, it claims for the same product, which the next attempt takes up.
        const claiming = runScript(redis, claimScript, skuKey(sku), [productId, stale]);
        const reply = await withDeadline(claiming, { at: deadline, clock }, () => {
          throw new Fault("redis_unavailable", "Redis did not answer in time");
        });
        const [word, claim] = ClaimReply.parse(reply);
        return word === "claimed" ? null : (claim ?? "");
      } catch (error) {
        const failure = failureOf(error);
        if (failure === "error" || error instanceof z.ZodError) throw error;
        if (failure === "refusing" || clock.now() >= deadline) {
          const message = "Redis cannot be used at the moment";
          throw new Fault("redis_unavailable", message, { cause: error });
        }
        await Bun.sleep(RETRY_PAUSE_MS);
      }
    }
  }

  #redisNow(): number {
    return Date.now() + this.#options.partition.clockAheadMs;
  }
}

function claimOf(claim: string): { productId: ProductId; at: number } {
  const [productId = "", at = "0"] = claim.split("\t");
  return { productId: recorded<ProductId>(productId), at: Number(at) };
}
