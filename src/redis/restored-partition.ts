/** What the keys of a partition must be, from what the ledger says of it. */
import type { RecordKind } from "#inventory/drain-ports";
import { totalsOf, type RegisteredLocation } from "#inventory/model";
import type { HoldCopy, PartitionPart, ProductCopy } from "#inventory/rebuild-ports";
import { splitReservationId } from "#inventory/reservation-id";
import { encodeHold } from "#redis/hold-record";
import {
  expiringKey,
  limitedKey,
  locationsKey,
  lowKey,
  operationKey,
  recordKey,
  reservationKey,
  ruleKey,
  stockKey,
  waitedKey,
  waitingKey,
  waitsKey,
} from "#redis/keys";
import { customerField, HOLDS_FIELD } from "#inventory/limits";
import { derivedWaitlist } from "#redis/derived-waitlist";
import { indexOf, readableLimits } from "#redis/limit-record";
import { encodeLocation, encodeRules } from "#redis/location-record";
import { encodeProduct } from "#redis/product-record";

/** What becomes of one key: it is written anew with these values. */
export interface Step {
  readonly kind: "string" | "hash" | "list" | "zset" | "ends";
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
  /** Key → customer and units by turns, and when it ends (ms; null: never). */
  readonly #limits = new Map<string, { values: string[]; endsAt: number | null }>();
  /** Kind → id and text by turns. */
  readonly #records = new Map<RecordKind, string[]>();
  #locations: readonly RegisteredLocation[] = [];

  constructor(partition: number) {
    this.#partition = partition;
  }

  /** Steps for what stands in keys of its own; what shares a key is kept for `rest`. */
  take({ products, holds, locations, operations, limits, records }: PartitionPart): Step[] {
    if (locations.length > 0) this.#locations = locations;
    for (const { rule, window, endsAt, customerId, units, holds: live } of limits) {
      const key = ruleKey(this.#partition, rule, window);
      const counts = this.#limits.get(key) ?? { values: [], endsAt };
      this.#limits.set(key, counts);
      const field = customerField(customerId);
      counts.values.push(field, String(units));
      if (live > 0) counts.values.push(`${field}${HOLDS_FIELD}`, String(live));
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
    const limits = Array.from(this.#limits, ([key, { values, endsAt }]): Step[] => {
      const step: Step = { kind: "hash", key, values };
      return endsAt === null ? [step] : [step, { kind: "ends", key, values: [String(endsAt)] }];
    }).flat();
    const limited = Array.from(this.#index.byProduct).flat();
    const index: Step = { kind: "hash", key: limitedKey(this.#partition), values: limited };
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
      ...[low, registry, index].filter(({ values }) => values.length > 0),
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

  /** What `meta` has of the limits with a name; null: there is none. */
  get limitIds(): string | null {
    return this.#index.ofAll;
  }

  get #index() {
    return indexOf(readableLimits(this.#records.get("limit") ?? []));
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
