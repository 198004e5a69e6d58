/** A stock store that can reserve one product at a time, and nothing else: what every rival has. */
import { DEFAULT_LOCATION, Location, type OrderId, type ProductId } from "#inventory/model";
import type { ReserveCommand, ReserveOutcome, StockStore } from "#inventory/ports";
import { reservationIdOf } from "#inventory/reservation-id";
import { notCompared } from "./nothing.ts";

const LOCATION = Location.parse(DEFAULT_LOCATION);

/** What a rival is asked for. */
export interface Wanted extends Pick<
  ReserveCommand,
  "owner" | "generation" | "customerId" | "context"
> {
  readonly productId: ProductId;
  readonly quantity: number;
  readonly orderId: OrderId;
  readonly holdSeconds: number;
}

/** When the hold was made and when it ends (ms); null: there is not enough. */
export type Taken = { readonly createdAt: number; readonly expiresAt: number } | null;

export abstract class ReserveOnly implements StockStore {
  readonly partitions = 1;
  readonly initialize = notCompared;
  readonly amend = notCompared;
  readonly adjust = notCompared;
  readonly transfer = notCompared;
  readonly count = notCompared;
  readonly registerLocation = notCompared;
  readonly amendLocation = notCompared;
  readonly sell = notCompared;
  readonly return = notCompared;
  readonly confirm = notCompared;
  readonly cancel = notCompared;
  readonly extend = notCompared;
  readonly reassign = notCompared;
  readonly campaigns = {
    schedule: notCompared,
    stop: notCompared,
    remove: notCompared,
    one: notCompared,
    all: notCompared,
    turnDue: notCompared,
  };
  readonly expire = notCompared;
  readonly product = notCompared;
  readonly products = notCompared;
  readonly productOfSku = notCompared;
  readonly reservation = notCompared;
  readonly putLimit = notCompared;
  readonly removeLimit = notCompared;
  readonly limits = notCompared;
  readonly locations = notCompared;
  readonly hasInactiveLocation = notCompared;
  readonly lowStock = notCompared;
  readonly positions = notCompared;

  /** Takes the units, or changes nothing. */
  abstract take(wanted: Wanted): Promise<Taken>;

  async reserve(command: ReserveCommand): Promise<ReserveOutcome> {
    const { owner, generation, orderId, customerId, holdSeconds, context } = command;
    const [line] = command.lines;
    if (line === undefined || command.lines.length > 1 || orderId === null || holdSeconds === null)
      throw new Error("one product of an order at a time");
    const { productId, quantity } = line;
    const wanted = { owner, generation, orderId, customerId, holdSeconds, context };
    const taken = await this.take({ ...wanted, productId, quantity });
    if (taken === null) {
      const short = { productId, requested: quantity, largest: 0, available: 0 };
      return { kind: "insufficient", lines: [{ ...short, locations: [], nextHoldEndsAt: null }] };
    }
    return {
      kind: "reserved",
      short: [],
      reservation: {
        reservationId: reservationIdOf(0, owner, generation),
        orderId,
        customerId,
        status: "ACTIVE",
        endReason: "",
        allocations: [{ productId, location: LOCATION, held: quantity, confirmed: 0, released: 0 }],
        ...taken,
        seq: 0,
      },
    };
  }

  partitionOf(): number {
    return 0;
  }

  msUntil(_partition: number, second: number): number {
    return second * 1_000 - Date.now();
  }
}
