/** Products as they stand in Redis, and which of them are lowest. */
import { z } from "zod";
import { ProductId, type Product } from "#inventory/model";
import { lowKey, stockKey } from "#redis/keys";
import { partitionOf, type Partition } from "#redis/partition";
import { decodeProduct } from "#redis/product-record";
import type { Lookup, Read, Reads } from "#redis/reads";
import { recordedFields } from "#redis/recorded";

const Members = z.array(ProductId);

export class ProductReads {
  readonly #reads: Reads;
  readonly #partitions: readonly Partition[];

  constructor(reads: Reads, partitions: readonly Partition[]) {
    this.#reads = reads;
    this.#partitions = partitions;
  }

  async one(productId: ProductId, deadline: number): Promise<Product | null> {
    return productOf(await this.#reads.read(this.#lookupOf(productId), deadline));
  }

  /** In their order; null: there is no such product. */
  async all(
    productIds: readonly ProductId[],
    deadline: number,
  ): Promise<readonly (Product | null)[]> {
    const lookups = productIds.map((id) => this.#lookupOf(id));
    return (await this.#reads.readAll(lookups, deadline)).map(productOf);
  }

  /** Of each partition the first `limit` of its low set. */
  async lowest(limit: number, deadline: number): Promise<readonly ProductId[]> {
    const lookups = this.#partitions.map((partition): Lookup => {
      return { partition, command: "LOWEST", key: lowKey(partition.number), count: limit };
    });
    const reads = await this.#reads.readAll(lookups, deadline);
    return reads.flatMap(({ value }) => Members.parse(value));
  }

  #lookupOf(productId: ProductId): Lookup {
    const number = partitionOf(productId, this.#partitions.length);
    const partition = this.#partitions[number];
    if (partition === undefined) throw new Error(`there is no partition ${number}`);
    return { partition, command: "HGETALL", key: stockKey(number, productId), count: 1 };
  }
}

/** Taken apart once for all who asked in the same turn. */
function productOf(read: Read): Product | null {
  if (read.product !== undefined) return read.product;
  const fields = recordedFields(read.value, "a product's hash");
  const isThere = Object.keys(fields).length > 0;
  read.product = isThere ? decodeProduct(fields, read.meta.rules) : null;
  return read.product;
}
