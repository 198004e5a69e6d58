/**
 * PostgreSQL of the simulation: the tables that the drain, the epochs and a rebuild use, each statement
 * at one moment. It holds what the schema's constraints hold, and throws where they would.
 */
import type { KeptRecord } from "#inventory/drain-ports";
import type { NamedLimit } from "#inventory/limit-ports";
import type { Movement, Product, Reservation } from "#inventory/model";
import type { AppendOutcome, Cursor, LedgerBatch } from "#inventory/ports";
import type {
  HoldCopy,
  PartitionPart,
  RecordCopy,
  RecoveryReport,
  SkuCopy,
} from "#inventory/rebuild-ports";
import { IN_USE_MS } from "#inventory/rebuild-ports";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import { splitReservationId } from "#inventory/reservation-id";
import { decodeLimit } from "#redis/limit-record";
import { unitsUnderLimits } from "./ledger-limits.ts";

const OPERATION_KEEP_MS = 86_400_000;
const ENDED_KEEP_MS = { CONFIRMED: 86_400_000, CANCELLED: 900_000, EXPIRED: 900_000 };

interface Level {
  onHand: number;
  reserved: number;
  seq: number;
}
interface Epoch {
  readonly epoch: number;
  readonly beganAt: number;
}

export class LedgerState {
  readonly movements: Movement[] = [];
  readonly levels = new Map<string, Level>();
  readonly products = new Map<string, Product>();
  readonly reservations = new Map<string, Reservation>();
  readonly operations = new Map<string, { readonly text: string; readonly at: number }>();
  readonly records = new Map<string, KeptRecord>();
  /** Each state that a batch left one in, in order. */
  readonly history: KeptRecord[] = [];
  readonly reports: RecoveryReport[] = [];
  cursor: Cursor = { epoch: 0, seq: 0 };
  /** The last epoch number that was taken. */
  epoch = 0;
  readonly #epochs: Epoch[] = [];
  readonly #inUse = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  append(batch: LedgerBatch, epochRead: number): AppendOutcome {
    const { from, to } = batch;
    const { cursor } = this;
    const isThere = cursor.epoch === from.epoch && cursor.seq === from.seq;
    if (!isThere || this.epoch !== epochRead) return { kind: "cursor_moved" };
    for (const movement of batch.movements) this.#append(movement);
    this.cursor = to;
    for (const product of batch.products) {
      if ((this.products.get(product.productId)?.seq ?? 0) < product.seq) {
        this.products.set(product.productId, product);
      }
    }
    for (const hold of batch.reservations) {
      if ((this.reservations.get(hold.reservationId)?.seq ?? 0) < hold.seq) {
        this.reservations.set(hold.reservationId, hold);
      }
    }
    for (const record of batch.records) {
      const key = `${record.kind}/${record.id}`;
      if ((this.records.get(key)?.seq ?? 0) < record.seq) this.records.set(key, record);
      this.history.push(record);
    }
    for (const { key, text } of batch.operations) {
      this.operations.set(key, { text, at: this.#now() });
    }
    return { kind: "appended" };
  }

  #append(movement: Movement): void {
    const { productId, location, seq, onHandAfter, reservedAfter } = movement;
    if (seq !== this.movements.length + 1) throw new Error(`movement ${seq} is not the next one`);
    if (reservedAfter < 0 || reservedAfter > onHandAfter) {
      throw new Error(`oversold: movement ${seq} leaves ${reservedAfter} of ${onHandAfter} held`);
    }
    this.movements.push(movement);
    if (productId === null) return;
    const counts = { onHand: onHandAfter, reserved: reservedAfter, seq };
    this.levels.set(`${productId} at ${location}`, counts);
  }

  takeEpoch(seen: number): { readonly epoch: number; readonly known: Cursor } {
    this.epoch = Math.max(this.epoch, seen) + 1;
    const last = this.#epochs.at(-1);
    const seq = Math.max(this.cursor.seq, last?.beganAt ?? 0);
    return { epoch: this.epoch, known: { epoch: last?.epoch ?? 0, seq } };
  }

  note(epoch: number, beganAt: number): void {
    if (this.#epochs.some((one) => one.epoch === epoch)) return;
    this.#epochs.push({ epoch, beganAt });
    this.#epochs.sort((one, other) => one.epoch - other.epoch);
  }

  beganAfter(epoch: number): readonly Epoch[] {
    return this.#epochs.filter((one) => one.epoch > epoch);
  }

  use(runId: string): number {
    this.#inUse.set(runId, this.#now());
    return this.cursor.epoch;
  }

  otherServer(runId: string): { readonly runId: string; readonly seenMsAgo: number } | null {
    const others = [...this.#inUse].filter(([id]) => id !== runId);
    const [last] = others.sort(([, one], [, other]) => other - one);
    return last ? { runId: last[0], seenMsAgo: this.#now() - last[1] } : null;
  }

  seal(epoch: number, seq: number, runId: string): boolean {
    const other = this.otherServer(runId);
    if (this.epoch !== epoch || this.cursor.seq !== seq) return false;
    if (other !== null && other.seenMsAgo < IN_USE_MS) return false;
    this.cursor = { epoch, seq };
    this.note(epoch, seq);
    return true;
  }

  report(report: RecoveryReport): void {
    const isSame = (other: RecoveryReport): boolean =>
      other.epoch === report.epoch &&
      other.kind === report.kind &&
      other.reportedBy === report.reportedBy;
    if (!this.reports.some(isSame)) this.reports.push(report);
  }

  #records(): readonly RecordCopy[] {
    return Array.from(this.records.values()).flatMap(({ text, ...record }) =>
      text === null ? [] : { ...record, text },
    );
  }

  /** All of it, as a rebuild copies it. */
  parts(): readonly PartitionPart[] {
    const products = Array.from(this.products.values(), (product) => ({
      ...product,
      levels: product.levels.map(({ location }) => {
        const { onHand, reserved } = this.#levelOf(product.productId, location);
        return { location, onHand, reserved };
      }),
      seq: Math.max(product.seq, ...this.#seqsOf(product.productId)),
    }));
    const operations = Array.from(this.operations, ([key, { text, at }]) => {
      return { key, text, livesMs: Math.round(OPERATION_KEEP_MS - (this.#now() - at)) };
    });
    const nothing: PartitionPart = {
      products: [],
      holds: [],
      locations: [],
      operations: [],
      limits: [],
      records: [],
    };
    return [
      { ...nothing, products },
      { ...nothing, holds: this.#holds() },
      { ...nothing, operations },
      { ...nothing, limits: this.limits },
      { ...nothing, records: this.#records() },
    ];
  }

  /** What each customer has under limits. */
  get limits(): readonly CustomerUnits[] {
    const { products, reservations, movements } = this;
    return unitsUnderLimits({ products, reservations, movements, named: this.named });
  }

  /** Limits that have a name. */
  get named(): readonly NamedLimit[] {
    return this.#records().flatMap(({ kind, id, text }) =>
      kind === "limit" ? [decodeLimit(id, text)] : [],
    );
  }

  /** The latest of each owner, the live one before all. */
  #holds(): HoldCopy[] {
    const byOwner = new Map<string, Reservation>();
    for (const hold of this.reservations.values()) {
      const { owner } = splitReservationId(hold.reservationId);
      const other = byOwner.get(owner);
      const rank = (one: Reservation): number =>
        Number(one.status === "ACTIVE") * 1e18 + one.createdAt * 1e4 + one.seq / 1e4;
      if (!other || rank(hold) > rank(other)) byOwner.set(owner, hold);
    }
    return Array.from(byOwner.values()).flatMap((reservation): HoldCopy[] => {
      if (reservation.status === "ACTIVE") return [{ reservation, livesMs: null }];
      const at = this.movements[reservation.seq - 1]?.at ?? 0;
      const livesMs = Math.round(ENDED_KEEP_MS[reservation.status] - (this.#now() - at));
      return livesMs > 0 ? [{ reservation, livesMs }] : [];
    });
  }

  get skus(): readonly SkuCopy[] {
    return Array.from(this.products.values(), ({ sku, productId, createdAt }) => {
      return { sku, productId, createdAt };
    });
  }

  get lastAt(): number {
    return Math.max(0, ...this.movements.slice(-1_000).map(({ at }) => at));
  }

  get liveHolds(): number {
    return [...this.reservations.values()].filter(({ status }) => status === "ACTIVE").length;
  }

  #levelOf(productId: string, location: string): Level {
    return this.levels.get(`${productId} at ${location}`) ?? { onHand: 0, reserved: 0, seq: 0 };
  }

  #seqsOf(productId: string): number[] {
    const prefix = `${productId} at `;
    return [...this.levels].flatMap(([name, { seq }]) => (name.startsWith(prefix) ? [seq] : []));
  }
}
