/** Reserve as one statement of PostgreSQL, in the place of the product's stock store. */
import type { CountRuns } from "#inventory/count-run-ports";
import type { RecoveryReports } from "#inventory/recovery-report-ports";
import type { ReconcileRuns } from "#inventory/reconcile-ports";
import type { Sql } from "postgres";
import { z } from "zod";
import type { IncomingStock } from "#inventory/incoming-ports";
import { DEFAULT_LOCATION, Location } from "#inventory/model";
import { EventTail } from "#inventory/event-tail";
import type {
  EventLedger,
  Ledger,
  ReserveCommand,
  ReserveOutcome,
  StockStore,
} from "#inventory/ports";
import type { Pseudonymizations } from "#inventory/pseudonym-ports";
import { reservationIdOf } from "#inventory/reservation-id";
import reserveText from "./statements/plain-reserve.sql" with { type: "text" };

const Taken = z.object({ created_ms: z.number(), expires_ms: z.number() });
const LOCATION = Location.parse(DEFAULT_LOCATION);

const notCompared = (): Promise<never> => Promise.reject(new Error("only reserve is compared"));

/** A port without a store behind it. */
const eventsOfNothing: EventLedger = {
  events: notCompared,
  alerts: notCompared,
  look: notCompared,
};
/** A feed that nobody follows. */
export const noEvents = {
  events: eventsOfNothing,
  eventTail: new EventTail({ events: eventsOfNothing, onWaiters: () => undefined }),
};

/** Nor does it take counts. */
export const countRunsOfNothing: CountRuns = {
  ask: () => Promise.reject(new Error("this server takes no counts")),
  read: () => Promise.resolve(null),
  errors: () => Promise.resolve([]),
  list: () => Promise.resolve({ items: [], nextCursor: null }),
};

/** Nothing is rebuilt. */
export const noReports: RecoveryReports = {
  list: () => Promise.resolve({ items: [], nextCursor: null }),
};

/** Nobody asks to be forgotten. */
export const noPseudonymizations: Pseudonymizations = {
  ask: notCompared,
  read: notCompared,
};

/** Nor does it compare anything. */
export const runsOfNothing: ReconcileRuns = {
  ask: () => Promise.reject(new Error("this server compares nothing")),
  read: () => Promise.resolve(null),
  list: () => Promise.resolve({ items: [], nextCursor: null }),
};

export const ledgerOfNothing: Ledger = {
  movements: notCompared,
  movementPage: notCompared,
  putAwayUntil: notCompared,
  movementSpans: notCompared,
  movementsIn: notCompared,
  stockAt: notCompared,
  orderSales: notCompared,
  products: notCompared,
  reorder: notCompared,
  since: notCompared,
  recentProducts: notCompared,
  productOfSku: notCompared,
  knownLocations: notCompared,
  lowWithoutInactive: notCompared,
  reservation: notCompared,
  reservations: notCompared,
};

/** Another one. */
export const incomingOfNothing: IncomingStock = {
  expect: notCompared,
  amend: notCompared,
  claim: notCompared,
  settle: notCompared,
  giveBack: notCompared,
  list: notCompared,
  takeUp: notCompared,
  isInLedger: notCompared,
};

export class PostgresStockStore implements StockStore {
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
  readonly expire = notCompared;
  readonly product = notCompared;
  readonly productOfSku = notCompared;
  readonly reservation = notCompared;
  readonly locations = notCompared;
  readonly hasInactiveLocation = notCompared;
  readonly lowStock = notCompared;
  readonly positions = notCompared;
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async reserve(command: ReserveCommand): Promise<ReserveOutcome> {
    const { owner, generation, orderId, customerId, holdSeconds, context } = command;
    const [line] = command.lines;
    if (line === undefined || command.lines.length > 1) throw new Error("one product at a time");
    const { productId, quantity } = line;
    const parameters = [productId, quantity, owner, generation, orderId, customerId, holdSeconds];
    const [row] = await this.#sql.unsafe(reserveText, [...parameters, JSON.stringify(context)], {
      prepare: true,
    });
    if (row === undefined) {
      const short = { productId, requested: quantity, largest: 0, available: 0 };
      return { kind: "insufficient", lines: [{ ...short, locations: [], nextHoldEndsAt: null }] };
    }
    const taken = Taken.parse(row);
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
        createdAt: taken.created_ms,
        expiresAt: taken.expires_ms,
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
