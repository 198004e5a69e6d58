/**
 * Alerts and events, part of `ports.ts`: what the scripts journal when a product crosses a bound,
 * what whoever finds trouble raises, and both with the movements as one ordered feed.
 */
import type { Page } from "#inventory/ledger-ports";
import type { Movement, ProductId } from "#inventory/model";

/** What is available of a product now: nothing; at or below its threshold; more. */
export const STOCK_ALERTS = ["low", "out", "back_in_stock"] as const;
export type StockAlert = (typeof STOCK_ALERTS)[number];

/** What an operator must know. Those that end have a word for their end: `ALERT_ENDS`. */
export const RAISED_ALERTS = [
  "drift",
  "drift_over",
  "quarantine",
  "gap",
  "lag",
  "lag_over",
  "fenced",
  "unfenced",
  "lost",
] as const;
export type RaisedAlert = (typeof RAISED_ALERTS)[number];

export const ALERT_KINDS = [...STOCK_ALERTS, ...RAISED_ALERTS] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** A condition that lasts, and the alert that tells of its end. */
export const ALERT_ENDS = { lag: "lag_over", fenced: "unfenced", drift: "drift_over" } as const;

/** A batch left a product with another grade than it found: one line of its journal entry. */
export interface Crossing {
  /** Of the batch's last movement that brought the product there. */
  readonly seq: number;
  readonly kind: StockAlert;
  readonly productId: ProductId;
  /** Available after the batch. */
  readonly units: number;
  /** Epoch milliseconds of Redis's clock. */
  readonly at: number;
}

/** What whoever finds trouble says of it. */
export interface RaiseCommand {
  readonly partition: number;
  readonly kind: Exclude<RaisedAlert, "quarantine" | "lost">;
  /** null: it is about no product in particular. */
  readonly productId: ProductId | null;
  /** Units or movements that are off; null where no number says anything. */
  readonly units: number | null;
  /** For an operator. */
  readonly detail: string | null;
}

/** Where alerts are raised that no script journals. */
export interface AlertDesk {
  /**
   * Adds an alert behind everything that the ledger of its partition has. A condition that is known
   * already, and the end of one that is not, change nothing: false. Rejects with Fault
   * `ledger_unavailable` while PostgreSQL is away.
   */
  raise(alert: RaiseCommand): Promise<boolean>;
}

/** An alert as it stands in the ledger. */
export interface Alert {
  readonly partition: number;
  /** Movements up to here are before it. */
  readonly seq: number;
  /** Among what follows that movement: 1 for a crossing of its own, more for what was raised. */
  readonly number: number;
  readonly kind: AlertKind;
  readonly productId: ProductId | null;
  readonly units: number | null;
  readonly detail: string | null;
  readonly at: number;
}

export type LedgerEvent =
  | { readonly kind: "movement"; readonly movement: Movement }
  | { readonly kind: "alert"; readonly alert: Alert };

/** `movement`, or a kind of alert. */
export const EVENT_TYPES = ["movement", ...ALERT_KINDS] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** A place in the feed of one partition: everything up to it was seen. Order: seq, then number. */
export interface EventPlace {
  readonly partition: number;
  readonly seq: number;
  /** 0: the movement itself; else that of the alert. */
  readonly number: number;
}

export interface EventQuery {
  /** Opaque; null: from the first event that is kept. `latest`: from now on. */
  readonly after: string | null;
  /** null: all. */
  readonly types: ReadonlySet<EventType> | null;
  readonly limit: number;
}
export type EventPage =
  | {
      readonly kind: "events";
      /** Of one partition in order; of several, the earliest first as far as their clocks tell. */
      readonly events: readonly LedgerEvent[];
      /** Behind the last of them, and behind all that the filter passed over. */
      readonly cursor: string;
    }
  /** What follows the cursor is not kept any more. */
  | { readonly kind: "gone" };

export interface AlertQuery {
  readonly kind: AlertKind | null;
  readonly productId: ProductId | null;
  /** Whether it still holds; null: both. */
  readonly open: boolean | null;
  readonly cursor: string | null;
  readonly limit: number;
}

/** How far the feeds of all partitions are, and which alerts came since the last look. */
export interface FeedLook {
  readonly places: readonly EventPlace[];
  readonly alerts: ReadonlySet<AlertKind>;
}

/** The feed as the core sees it. Rejects with Fault `ledger_unavailable` while PostgreSQL is away. */
export interface EventLedger {
  /** Rejects with `validation_failed` when the cursor is none of this store's. */
  events(query: EventQuery, deadline: number): Promise<EventPage>;
  /** Newest first. */
  alerts(query: AlertQuery, deadline: number): Promise<Page<Alert & { readonly open: boolean }>>;
  /** One statement, however many wait. `since` null: no alert is looked for. */
  look(since: readonly EventPlace[] | null): Promise<FeedLook>;
}
