/** What the keys of a partition must be, from what the ledger says of it. */
import type { RecordKind } from "#inventory/drain-ports";
import { totalsOf, type RegisteredLocation } from "#inventory/model";
import type { HoldCopy, PartitionPart, ProductCopy } from "#inventory/rebuild-ports";
import { splitReservationId } from "#inventory/reservation-id";
import { encodeHold } from "#redis/hold-record";
import {
  expiringKey,
  limitKey,
  locationsKey,
  lowKey,
  operationKey,
  recordKey,
  reservationKey,
  stockKey,
  waitedKey,
  waitingKey,
  waitsKey,
} from "#redis/keys";
import { customerField } from "#inventory/limits";
import { derivedWaitlist } from "#redis/derived-waitlist";
import { encodeLocation, encodeRules } from "#redis/location-record";
import { encodeProduct } from "#redis/product-record";

/** What becomes of one key: it is written anew with these values. */
export interface Step {
  readonly kind: "string" | "hash" | "list" | "zset";
  readonly key: string;
  /** As the command takes them: see lua/partition/rebuild.lua. */
  readonly values: readonly string[];
  /** Whether they come to what an earlier step wrote there. */
  readonly adds?: boolean;
}

export class RestoredPartition {
  readonly #partition: number;
  readonly #products = new Set<string>();
  /** Second → owners of the holds that are due then. */
  readonly #due = new Map<number, string[]>();
  /** Score and member by turns. */
  readonly #low: string[] = [];
  /** Product → customer and units by turns. */
  readonly #limits = new Map<string, string[]>();
  /** Kind → id and text by turns. */
  readonly #records = new Map<RecordKind, string[]>();
  #locations: readonly RegisteredLocation[] = [];

  constructor(partition: number) {
    this.#partition = partition;
  }

  /** Steps for what stands in keys of its own; what shares a key is kept for `rest`. */
  take({ products, holds, locations, operations, limits, records }: PartitionPart): Step[] {
    if (locations.length > 0) this.#locations = locations;
    for (const { productId, customerId, units } of limits) {
      const counts = this.#limits.get(productId) ?? [];
      this.#limits.set(productId, counts);
      counts.push(customerField(customerId), String(units));
    }
    for (const { kind, id, text } of records) {
      const texts = this.#records.get(kind) ?? [];
      this.#records.set(kind, texts);
      texts.push(id, text);
    }
    return [
      ...products.map((product) => this.#product(product)),
      ...holds.map((hold) => this.#hold(hold)),
      ...operations.map(({ key, text, livesMs }): Step => {
        const name = operationKey(this.#partition, key);
        return { kind: "string", key: name, values: [text, String(livesMs)] };
      }),
    ];
  }

  /** Steps for the keys that several share; none was written yet. */
  rest(): Step[] {
    const steps = Array.from(this.#due, ([second, owners]): Step => {
      return { kind: "list", key: expiringKey(this.#partition, second), values: owners };
    });
    const limits = Array.from(this.#limits, ([productId, values]): Step => {
      return { kind: "hash", key: limitKey(this.#partition, productId), values };
    });
    const low: Step = { kind: "zset", key: lowKey(this.#partition), values: this.#low };
    const kept = Array.from(this.#records, ([kind, values]): Step => {
      return { kind: "hash", key: recordKey(this.#partition, kind), values };
    });
    const records = this.#locations.flatMap((it) => [it.location, encodeLocation(it)]);
    const registry: Step = { kind: "hash", key: locationsKey(this.#partition), values: records };
    return [
      ...steps,
      ...limits,
      ...kept,
      ...this.#waitlist(),
      ...[low, registry].filter(({ values }) => values.length > 0),
    ];
  }

  /** What is made from the records of who waits; of all products it is looked whether units are free. */
  #waitlist(): Step[] {
    const texts = this.#records.get("waiting") ?? [];
    const pairs = texts.flatMap((id, i) =>
      i % 2 === 0 ? [[id, texts[i + 1] ?? ""] as const] : [],
    );
    const { lines, waits } = derivedWaitlist(this.#partition, pairs);
    const known = [...lines].filter(([productId]) => this.#products.has(productId));
    const steps = known.flatMap(([productId, line]): Step[] => [
      {
        kind: "zset",
        key: waitingKey(this.#partition, productId),
        values: Array.from(line, ([owner, seq]) => [String(seq), owner]).flat(),
      },
      {
        kind: "hash",
        key: stockKey(this.#partition, productId),
        values: ["waiting", String(line.size)],
        adds: true,
      },
    ]);
    const shared: Step[] = [
      {
        kind: "zset",
        key: waitedKey(this.#partition),
        values: known.flatMap(([productId]) => ["1", productId]),
      },
      {
        kind: "hash",
        key: waitsKey(this.#partition),
        values: Array.from(waits, ([field, count]) => [field, String(count)]).flat(),
      },
    ];
    return [...steps, ...shared.filter(({ values }) => values.length > 0)];
  }

  /** The seconds in which something is due, in order. */
  get dueSeconds(): readonly number[] {
    return [...this.#due.keys()].toSorted((a, b) => a - b);
  }

  /** What `meta` has of the locations. */
  get rules(): string {
    return encodeRules(this.#locations);
  }

  #product(product: ProductCopy): Step {
    const { onHand, reserved } = totalsOf({
      safetyStock: product.safetyStock,
      levels: product.levels.map((level) => ({ ...level, active: true, priority: 0 })),
    });
    const unreserved = onHand - reserved - product.safetyStock;
    if (unreserved <= product.lowStockThreshold) {
      this.#low.push(String(unreserved), product.productId);
    }
    this.#products.add(product.productId);
    const values = Object.entries(encodeProduct(product)).flat();
    return { kind: "hash", key: stockKey(this.#partition, product.productId), values };
  }

  #hold({ reservation, livesMs }: HoldCopy): Step {
    const { owner } = splitReservationId(reservation.reservationId);
    const key = reservationKey(this.#partition, owner);
    const record = encodeHold(reservation);
    if (livesMs !== null) return { kind: "string", key, values: [record, String(livesMs)] };
    const { expiresAt } = reservation;
    if (expiresAt !== null) {
      const second = expiresAt / 1_000;
      const owners = this.#due.get(second);
      if (owners) owners.push(owner);
      else this.#due.set(second, [owner]);
    }
    return { kind: "string", key, values: [record] };
  }
}
