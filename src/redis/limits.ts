/**
 * Limits that have a name. Each is decided in the partition of its products, for nobody could count in one
 * step what lives in several; so a store of several partitions has none over all products.
 */
import type {
  NamedLimit,
  PutLimitCommand,
  PutLimitOutcome,
  RemoveLimitCommand,
  RemoveLimitOutcome,
} from "#inventory/limit-ports";
import type { ProductId } from "#inventory/model";
import { cut, unknownWord, unwrapReplay } from "#redis/answer";
import { recordKey } from "#redis/keys";
import { decodeLimit, productsText } from "#redis/limit-record";
import { operationText } from "#redis/lines";
import { partitionOf, type Partition } from "#redis/partition";
import type { PartitionQueues } from "#redis/partition-queues";
import type { Reads } from "#redis/reads";
import { recorded, recordedFields } from "#redis/recorded";

interface Route {
  readonly partition: Partition;
  readonly queues: PartitionQueues;
}

export class Limits {
  readonly #routes: readonly Route[];
  readonly #reads: Reads;

  constructor(routes: readonly Route[], reads: Reads) {
    this.#routes = routes;
    this.#reads = reads;
  }

  async put(command: PutLimitCommand): Promise<PutLimitOutcome> {
    const home = this.#homeOf(command.products);
    if (home === null || (await this.#isElsewhere(command, home))) {
      return { kind: "spans_partitions" };
    }
    const reply = await home.queues.submit("putLimit", putLine(command), 1, command);
    return putOutcome(command.limitId, reply);
  }

  async remove(command: RemoveLimitCommand): Promise<RemoveLimitOutcome> {
    let outcome: RemoveLimitOutcome = { kind: "unknown_limit" };
    for (const { queues } of this.#routes) {
      const reply = await queues.submit("removeLimit", removeLine(command), 1, command);
      outcome = removeOutcome(command.limitId, reply);
      if (outcome.kind !== "unknown_limit") return outcome;
    }
    return outcome;
  }

  /** All of them, by id. */
  async list(deadline: number): Promise<readonly NamedLimit[]> {
    const all = await Promise.all(this.#routes.map((route) => this.#listOf(route, deadline)));
    return all.flat().toSorted((one, other) => (one.limitId < other.limitId ? -1 : 1));
  }

  async #listOf({ partition }: Route, deadline: number): Promise<readonly NamedLimit[]> {
    const key = recordKey(partition.number, "limit");
    const lookup = { partition, command: "HGETALL" as const, key, count: 1 };
    const fields = recordedFields((await this.#reads.read(lookup, deadline)).value, key);
    return Object.entries(fields).map(([id, text]) => decodeLimit(id, text));
  }

  /** null: there is no one partition that has them all. */
  #homeOf(products: NamedLimit["products"]): Route | null {
    if (this.#routes.length === 1) return this.#routes[0] ?? null;
    if (products === "all") return null;
    const numbers = new Set(products.map((id) => partitionOf(id, this.#routes.length)));
    const [number = 0] = numbers;
    return numbers.size === 1 ? (this.#routes[number] ?? null) : null;
  }

  async #isElsewhere({ limitId, deadline }: PutLimitCommand, home: Route): Promise<boolean> {
    const others = this.#routes.filter((route) => route !== home);
    const lists = await Promise.all(others.map((route) => this.#listOf(route, deadline)));
    return lists.flat().some((limit) => limit.limitId === limitId);
  }
}

/** An item of limit/put.lua. */
export function putLine(command: PutLimitCommand): string {
  return [
    command.limitId,
    command.expectedVersion ?? "",
    command.maxUnits,
    command.windowHours ?? 0,
    command.counts,
    command.maxHolds ?? "",
    productsText(command.products),
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

/** An item of limit/remove.lua. */
export function removeLine(command: RemoveLimitCommand): string {
  return [
    command.limitId,
    command.expectedVersion ?? "",
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

function putOutcome(limitId: string, reply: string): PutLimitOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "made":
    case "put":
    case "kept":
      return { kind: word, limit: decodeLimit(limitId, rest), replayed };
    case "expected_mismatch":
      return { kind: word, limit: decodeLimit(limitId, rest) };
    case "unknown":
      return { kind: "unknown_limit" };
    case "unknown_product":
      return { kind: word, productId: recorded<ProductId>(rest) };
    case "above_limit": {
      const { word: which, rest: product } = cut(rest);
      if (which === "limits") return { kind: "too_many_limits" };
      const productId = product === "*" ? null : recorded<ProductId>(product);
      return { kind: "too_many_of_product", productId };
    }
    case "key_reused":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}

function removeOutcome(limitId: string, reply: string): RemoveLimitOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "removed":
      return { kind: word, limit: decodeLimit(limitId, rest), replayed };
    case "expected_mismatch":
      return { kind: word, limit: decodeLimit(limitId, rest) };
    case "unknown":
      return { kind: "unknown_limit" };
    case "key_reused":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}
