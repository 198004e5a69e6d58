/**
 * When the next hold of a product is due: what a refused caller may wait for. It explains and
 * decides nothing, so it is looked up at most once a second for each product, however many are
 * refused, one look at a time; whoever would have to wait for another look goes without.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import type { ProductId } from "#inventory/model";
import type { Clock } from "#lib/clock";
import { withDeadline } from "#lib/deadline";
import { metaKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import { recordedCount } from "#redis/recorded";
import { loadScript, runScript } from "#redis/script";

const NEXT_DUE = loadScript("stock/next-due.lua");
/** How long a refusal waits for its explanation. */
const WAIT_MS_MAX = 50;
/** How long an answer is good for. */
const KEPT_MS = 1_000;
/** Products whose answer is kept; beyond that all are forgotten and asked for anew. */
const KEPT_PRODUCTS_MAX = 10_000;

const Reply = z.array(z.string());

interface Kept {
  readonly until: number;
  /** undefined while it is looked up. */
  dueAt: number | null | undefined;
  readonly looking: Promise<number | null>;
}

export class NextDue {
  readonly #redis: Redis;
  readonly #partition: Partition;
  readonly #clock: Clock;
  readonly #kept = new Map<ProductId, Kept>();
  /** Products of the look that leaves at the end of this turn; null: none does. */
  #asking: { readonly products: ProductId[]; readonly answer: Promise<readonly string[]> } | null =
    null;
  #isLooking = false;

  constructor(redis: Redis, partition: Partition, clock: Clock) {
    this.#redis = redis;
    this.#partition = partition;
    this.#clock = clock;
  }

  /** Epoch milliseconds by Redis's clock, or null, also when there is no answer soon. Never rejects. */
  async of(productId: ProductId): Promise<number | null> {
    const now = this.#clock.now();
    let kept = this.#kept.get(productId);
    if (kept === undefined || now >= kept.until) {
      if (this.#isLooking && this.#asking === null) return null;
      kept = this.#look(productId, now);
    }
    if (kept.dueAt !== undefined) return kept.dueAt;
    return await withDeadline(
      kept.looking,
      { at: now + WAIT_MS_MAX, clock: this.#clock },
      () => null,
    );
  }

  #look(productId: ProductId, now: number): Kept {
    const looking = this.#ask(productId);
    const kept: Kept = { until: now + KEPT_MS, dueAt: undefined, looking };
    void looking.then((dueAt) => (kept.dueAt = dueAt));
    if (this.#kept.size >= KEPT_PRODUCTS_MAX) this.#kept.clear();
    this.#kept.set(productId, kept);
    return kept;
  }

  async #ask(productId: ProductId): Promise<number | null> {
    this.#asking ??= this.#nextLook();
    const { products, answer } = this.#asking;
    const place = products.push(productId) - 1;
    try {
      const second = (await answer)[place] ?? "";
      return second === "" ? null : recordedCount(second, "due second") * 1_000;
    } catch {
      // The refusal stands without it; whatever ails Redis is told by those who need an answer.
      return null;
    }
  }

  /** All products of this turn share one call. */
  #nextLook(): { readonly products: ProductId[]; readonly answer: Promise<readonly string[]> } {
    const products: ProductId[] = [];
    this.#isLooking = true;
    const look = async (): Promise<readonly string[]> => {
      await new Promise((resolve) => setImmediate(resolve));
      this.#asking = null;
      try {
        const key = metaKey(this.#partition.number);
        return Reply.parse(await runScript(this.#redis, NEXT_DUE, key, products));
      } finally {
        this.#isLooking = false;
      }
    };
    return { products, answer: look() };
  }
}
