/** The feed of movements and alerts as the ledger has it, and the desk where alerts are raised. */
import { z } from "zod";
import { ProductId } from "#inventory/model";
import {
  ALERT_ENDS,
  ALERT_KINDS,
  type Alert,
  type AlertDesk,
  type EventLedger,
  type EventPage,
  type EventPlace,
  type EventQuery,
  type LedgerEvent,
} from "#inventory/event-ports";
import type { Clock } from "#lib/clock";
import { askRow, askRows, forCaller } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { numberColumn, textColumn } from "#postgres/columns";
import { notOurs, readEventCursor, writeEventCursor } from "#inventory/event-cursor";
import { MOVEMENT_RANGE_SEQS } from "#postgres/movement-ranges";
import { cursorOf, readCursor, rowsOf } from "#postgres/page-cursor";
import { MovementRow } from "#postgres/rows";
import alertsText from "./statements/alerts.sql" with { type: "text" };
import eventsText from "./statements/events.sql" with { type: "text" };
import feedLookText from "./statements/feed-look.sql" with { type: "text" };
import raiseAlertText from "./statements/raise-alert.sql" with { type: "text" };

/** A look and a raise have no caller who waits for them by a deadline of its own. */
const ANSWER_MS_MAX = 3_000;

const AlertRow = z.object({
  partition: z.int(),
  seq: z.int(),
  number: z.int(),
  kind: z.enum(ALERT_KINDS),
  productId: ProductId.nullable(),
  units: z.int().nullable(),
  detail: z.string().nullable(),
  at: z.int(),
});
const ListedAlertRow = AlertRow.extend({ open: z.boolean(), us: z.int() });
/** Time (µs), partition, seq and number: what alerts are sorted by. */
const AlertCursor = z.tuple([z.int(), z.int().min(0).max(9999), z.int().min(0), z.int().min(0)]);
const PlaceRow = z.object({
  partition: z.int(),
  seq: z.int(),
  number: z.int(),
  endSeq: z.int(),
  endNumber: z.int(),
  firstSeq: z.int().nullable(),
  putAwaySeq: z.int(),
});
type PlaceRow = z.output<typeof PlaceRow>;
const EventsRow = z.object({
  places: z.array(PlaceRow),
  movements: z.array(MovementRow),
  alerts: z.array(AlertRow),
});
const LookRow = z.object({
  partition: z.int(),
  seq: z.int(),
  number: z.int(),
  kinds: z.string().transform((text) => z.array(z.enum(ALERT_KINDS)).parse(wordsOf(text))),
});
const RaisedRow = z.object({ raised: z.boolean() });

const wordsOf = (text: string): string[] => (text === "" ? [] : text.split(","));

type Parameter = string | number | boolean | null;

export interface EventLedgerOptions {
  readonly sql: Sql;
  /** The clock that the callers' deadlines are on. */
  readonly clock: Clock;
}

export function createEventLedger({ sql, clock }: EventLedgerOptions): EventLedger {
  const run = (text: string, parameters: Parameter[]) =>
    forCaller(() => sql.unsafe(text, parameters, { prepare: false }));

  return {
    async events(query, deadline) {
      const isLatest = query.after === "latest";
      const after = query.after === null || isLatest ? [] : readEventCursor(query.after);
      const { types } = query;
      const kinds = ALERT_KINDS.filter((kind) => types === null || types.has(kind));
      const parameters = [
        ...placeColumns(after),
        query.limit,
        types === null || types.has("movement"),
        textColumn(kinds, (kind) => kind),
        isLatest,
      ];
      const row = await askRow(EventsRow, run(eventsText, parameters), deadline - clock.now());
      const { places } = row;
      if (after.length > 0 && after.length !== places.length) throw notOurs();
      if (places.some(isAhead)) throw notOurs();
      if (after.length > 0 && places.some(isGone)) return { kind: "gone" };
      return pageOf(places, feedsOf(row), query);
    },
    async alerts({ kind, productId, open, cursor, limit: asked }, deadline) {
      const limit = rowsOf(asked);
      const after = cursor === null ? nowhere : readCursor(AlertCursor, cursor);
      const statement = run(alertsText, [kind, productId, open, ...after, limit + 1]);
      const rows = await askRows(ListedAlertRow, statement, deadline - clock.now());
      const items = rows.slice(0, limit).map(({ us: _us, ...alert }) => alert);
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return { items, nextCursor: last === undefined ? null : cursorOf(keyOf(last)) };
    },
    async look(since) {
      const columns = placeColumns(since ?? []);
      const statement = () => sql.unsafe(feedLookText, columns, { prepare: false });
      const rows = await askRows(LookRow, statement, ANSWER_MS_MAX);
      const places = rows.map(({ partition, seq, number }) => ({ partition, seq, number }));
      return { places, alerts: new Set(rows.flatMap(({ kinds }) => kinds)) };
    },
  };
}

const nowhere = [null, null, null, null];

const keyOf = ({ us, partition, seq, number }: z.output<typeof ListedAlertRow>) => [
  us,
  partition,
  seq,
  number,
];

/** Raises alerts in PostgreSQL, in the order of the ledger. */
export function createAlertDesk(sql: Sql): AlertDesk {
  const conditions = Object.entries(ALERT_ENDS);
  return {
    async raise({ partition, kind, productId, units, detail }) {
      const begins = conditions.find(([, end]) => end === kind)?.[0] ?? null;
      const ends = conditions.find(([begin]) => begin === kind)?.[1] ?? null;
      const parameters = [partition, kind, begins, ends, productId, units, detail];
      const statement = () => sql.unsafe(raiseAlertText, parameters, { prepare: false });
      return (await askRow(RaisedRow, statement, ANSWER_MS_MAX)).raised;
    },
  };
}

const placeColumns = (places: readonly EventPlace[]): string[] => [
  numberColumn(places, ({ partition }) => partition),
  numberColumn(places, ({ seq }) => seq),
  numberColumn(places, ({ number }) => number),
];

/** The ledger never stood there: a cursor of another store, or of one that was since restored. */
const isAhead = ({ seq, number, endSeq, endNumber }: PlaceRow): boolean =>
  seq > endSeq || number > endNumber;

/**
 * Whole ranges of seq are put away: what follows the place was in one that is not there any more. Of
 * those that were detached by hand nothing is noted.
 */
function isGone({ seq, firstSeq, putAwaySeq }: PlaceRow): boolean {
  if (firstSeq === null || seq < putAwaySeq) return seq < putAwaySeq;
  return seq + 1 < Math.floor(firstSeq / MOVEMENT_RANGE_SEQS) * MOVEMENT_RANGE_SEQS;
}

interface FeedEvent extends EventPlace {
  readonly at: number;
  readonly event: LedgerEvent;
}

/** What was read of each partition, in order. */
function feedsOf({ places, movements, alerts }: z.output<typeof EventsRow>) {
  const feeds = new Map<number, FeedEvent[]>(places.map(({ partition }) => [partition, []]));
  for (const movement of movements) {
    const event: LedgerEvent = { kind: "movement", movement };
    const { partition, seq, at } = movement;
    feeds.get(partition)?.push({ partition, seq, number: 0, at, event });
  }
  for (const alert of alerts) {
    feeds.get(alert.partition)?.push({ ...placeOf(alert), event: { kind: "alert", alert } });
  }
  for (const feed of feeds.values()) {
    feed.sort((one, other) => one.seq - other.seq || one.number - other.number);
  }
  return feeds;
}

const placeOf = ({ partition, seq, number, at }: Alert) => ({ partition, seq, number, at });

/** Takes of the feeds what is earliest, each in its order, up to the limit. */
function pageOf(
  places: readonly PlaceRow[],
  feeds: ReadonlyMap<number, readonly FeedEvent[]>,
  { limit }: Pick<EventQuery, "limit">,
): EventPage {
  const events: LedgerEvent[] = [];
  const taken = new Map<number, number>();
  const nextOf = (partition: number) => feeds.get(partition)?.[taken.get(partition) ?? 0];
  while (events.length < limit) {
    const heads = places.flatMap(({ partition }) => nextOf(partition) ?? []);
    const [first, ...others] = heads;
    if (first === undefined) break;
    const next = others.reduce((least, head) => (head.at < least.at ? head : least), first);
    events.push(next.event);
    taken.set(next.partition, (taken.get(next.partition) ?? 0) + 1);
  }
  const ends = places.map((place): EventPlace => {
    const { partition, endSeq, endNumber } = place;
    const feed = feeds.get(partition) ?? [];
    const last = feed[(taken.get(partition) ?? 0) - 1];
    const isAll = (taken.get(partition) ?? 0) === feed.length && feed.length < limit;
    if (isAll) return { partition, seq: endSeq, number: endNumber };
    return last ?? place;
  });
  return { kind: "events", events, cursor: writeEventCursor(ends) };
}
