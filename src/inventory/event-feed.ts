/**
 * The feed for those who listen: one reader reads the ledger's events once for all of them, and gives
 * each what its filter lets through. Nobody listens: nothing is read.
 *
 * Who begins behind the reader reads pages for itself until they reach what the reader keeps of late.
 * There it joins, by places and not by time: it hears nothing twice, and misses nothing.
 */
import type { ReadContext } from "#inventory/context";
import {
  areSeen,
  heardFrom,
  isSeen,
  readEventCursor,
  writeEventCursor,
  type HeardEvent,
} from "#inventory/event-cursor";
import { nameOf, passes, productOf, type EventFilter } from "#inventory/event-filter";
import type { EventLedger, EventPage, EventPlace, LedgerEvent } from "#inventory/event-ports";
import { Fault } from "#inventory/faults";
import type { Clock } from "#lib/clock";
import { pause } from "#lib/pause";

/** Between two reads that found no full page: what is heard is late by that, at most. */
const POLL_MS = 100;
/** Of one read; what is written for a listener at once is bound by it. */
const PAGE_EVENTS = 250;
/** The latest events that are kept: who comes back soon reads nothing. */
export const RECENT_EVENTS_MAX = 1_024;
/** Listeners that read for themselves at a time; the others wait for their turn. */
export const REPLAYS_MAX = 4;
/** A read of ours has no caller who waits for it by a deadline of its own. */
const READ_MS_MAX = 3_000;
/** After a read in vain. */
const AWAY_PAUSE_MS = 500;
/** Read on for so long when the last has left: who begins follows soon, and who lost its stream is back. */
const LINGER_MS = 2_000;
/** Listeners that are told before others have a turn of the event loop. */
const TOLD_AT_ONCE = 128;

/** One who listens. */
export interface Listener {
  /** These, in order; none: `cursor` alone is news. Who goes on from `cursor` has heard all of it. */
  hear(events: readonly HeardEvent[], cursor: string): void;
  /** Resolves when it took what it heard; false: it will not take any more. */
  taken(): Promise<boolean>;
  /** Nothing follows: what comes next is not kept, or the ledger is another one. */
  cut(): void;
}

export type Beginning =
  | { readonly kind: "gone" }
  /** `follow` begins, and answers how to leave. `cursor`: where it begins; null: at the first event. */
  | {
      readonly kind: "begun";
      readonly cursor: string | null;
      readonly follow: (listener: Listener) => () => void;
    };

interface Position {
  readonly cursor: string;
  readonly places: readonly EventPlace[];
}
type Page = Extract<EventPage, { readonly kind: "events" }>;
interface Group {
  readonly filter: EventFilter;
  readonly listeners: Set<Listener>;
}

export interface EventFeedOptions {
  readonly events: Pick<EventLedger, "events">;
  readonly clock: Clock;
  /** Milliseconds between two reads that found no full page. */
  readonly pollMs?: number;
}

export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #groups = new Map<string, Group>();
  /** All who follow: in a group, or on their way to one. */
  readonly #following = new Set<Listener>();
  readonly #slots = new Slots(REPLAYS_MAX);
  #recent: HeardEvent[] = [];
  /** Behind everything before `#recent`. */
  #oldest: readonly EventPlace[] = [];
  /** Behind everything that the reader has read; null: nobody reads. */
  #position: Position | null = null;
  #starting: Promise<void> | null = null;
  #moved: (() => void)[] = [];

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  /**
   * Finds where `after` is (null: the first event that is kept; `latest`: now). Rejects with
   * `validation_failed` where it is no cursor of this store, with `ledger_unavailable` without one.
   */
  async begin(after: string | null, filter: EventFilter, ctx: ReadContext): Promise<Beginning> {
    await (this.#starting ??= this.#start());
    const now = this.#position;
    if (now === null) throw new Fault("ledger_unavailable", "the feed begins anew");
    if (after === "latest") return this.#begun(now, null, filter);
    const from = after === null ? null : positionAt(after);
    if (from !== null && from.places.length === now.places.length && this.#isRecent(from)) {
      return this.#begun(from, null, filter);
    }
    const page = await this.#slots.within(() => this.#read(after, filter, ctx.deadline));
    if (page.kind === "gone") return page;
    return this.#begun(from ?? beginningOf(page), page, filter, after);
  }

  #begun(from: Position, page: Page | null, filter: EventFilter, cursor?: string | null) {
    const follow = (listener: Listener): (() => void) => {
      this.#following.add(listener);
      // Nobody followed since, for long.
      void (this.#starting ??= this.#start()).catch(() => listener.cut());
      void this.#catchUp(listener, filter, from, page).catch(() => listener.cut());
      return () => this.#leave(listener, filter);
    };
    return { kind: "begun", cursor: cursor === undefined ? from.cursor : cursor, follow } as const;
  }

  /** What follows it is kept here. */
  #isRecent({ places }: Position): boolean {
    const now = this.#position;
    return now !== null && areSeen(this.#oldest, places) && areSeen(places, now.places);
  }

  async #catchUp(listener: Listener, filter: EventFilter, from: Position, page: Page | null) {
    let [start, read] = [from, page];
    while (this.#following.has(listener)) {
      const end = read === null ? start : positionAt(read.cursor);
      const events = read === null ? [] : read.events.filter((event) => passes(event, filter));
      if (this.#meets(start, end)) return this.#join(listener, filter, start, end, events);
      const isAhead = this.#position === null || !areSeen(start.places, this.#position.places);
      if (isAhead) {
        await this.#move();
        continue;
      }
      if (read !== null) listener.hear(heardFrom(start.places, events), end.cursor);
      if (!(await listener.taken())) return;
      start = end;
      read = await this.#next(listener, start, filter);
      if (read === null) return;
    }
  }

  /** It stands where the reader was, and has read up to what is kept. */
  #meets(start: Position, end: Position): boolean {
    const now = this.#position;
    return now !== null && areSeen(start.places, now.places) && areSeen(this.#oldest, end.places);
  }

  /** All at once, so that the reader reads nothing meanwhile: from here on it is told with the others. */
  #join(
    listener: Listener,
    filter: EventFilter,
    start: Position,
    end: Position,
    events: readonly LedgerEvent[],
  ): void {
    const now = this.#position;
    if (now === null) throw new Error("nobody reads");
    const read = heardFrom(start.places, events).filter(({ place }) => isSeen(place, now.places));
    const rest = this.#recent.filter(
      ({ event, place }) => !isSeen(place, end.places) && passes(event, filter),
    );
    const all = [...read, ...rest].map(({ event }) => event);
    listener.hear(heardFrom(start.places, all), now.cursor);
    const name = nameOf(filter);
    const group = this.#groups.get(name) ?? { filter, listeners: new Set() };
    this.#groups.set(name, group);
    group.listeners.add(listener);
  }

  /** The next page for one who reads for itself; null: it is over for him. */
  async #next(listener: Listener, start: Position, filter: EventFilter): Promise<Page | null> {
    const { clock } = this.#options;
    while (this.#following.has(listener)) {
      try {
        const page = await this.#slots.within(() =>
          this.#read(start.cursor, filter, clock.now() + READ_MS_MAX),
        );
        if (page.kind === "events") return page;
        break;
      } catch (error) {
        if (!isAway(error)) break;
        await pause(AWAY_PAUSE_MS, NEVER);
      }
    }
    if (this.#following.has(listener)) listener.cut();
    return null;
  }

  #read(after: string | null, { types }: Pick<EventFilter, "types">, deadline: number) {
    return this.#options.events.events({ after, types, limit: PAGE_EVENTS }, deadline);
  }

  #leave(listener: Listener, filter: EventFilter): void {
    this.#following.delete(listener);
    const name = nameOf(filter);
    const group = this.#groups.get(name);
    group?.listeners.delete(listener);
    if (group?.listeners.size === 0) this.#groups.delete(name);
  }

  async #start(): Promise<void> {
    try {
      const { clock } = this.#options;
      const page = await this.#read("latest", { types: null }, clock.now() + READ_MS_MAX);
      if (page.kind === "gone") throw new Error("the end of the feed is gone");
      this.#position = positionAt(page.cursor);
      this.#oldest = this.#position.places;
      this.#recent = [];
      void this.#run();
    } catch (error) {
      this.#starting = null;
      throw error;
    }
  }

  async #run(): Promise<void> {
    const { clock, pollMs = POLL_MS } = this.#options;
    let idleAt = clock.now();
    while (this.#following.size > 0 || clock.now() - idleAt < LINGER_MS) {
      if (this.#following.size > 0) idleAt = clock.now();
      const isMore = await this.#goOn();
      for (const resolve of this.#moved.splice(0)) resolve();
      if (!isMore) await pause(pollMs, NEVER);
    }
    this.#position = null;
    this.#recent = [];
    this.#starting = null;
    for (const resolve of this.#moved.splice(0)) resolve();
  }

  /** Whether it is worth reading on at once. */
  async #goOn(): Promise<boolean> {
    const now = this.#position;
    if (now === null) return false;
    try {
      const deadline = this.#options.clock.now() + READ_MS_MAX;
      const page = await this.#read(now.cursor, { types: null }, deadline);
      if (page.kind === "gone") await this.#beginAnew();
      else await this.#tell(now, page);
      return page.kind === "events" && page.events.length === PAGE_EVENTS;
    } catch (error) {
      if (!isAway(error)) await this.#beginAnew().catch(() => undefined);
      await pause(AWAY_PAUSE_MS, NEVER);
      return false;
    }
  }

  /** The reader cannot go on from where it stands, and so can nobody who stands there. */
  async #beginAnew(): Promise<void> {
    for (const listener of this.#following) listener.cut();
    const page = await this.#read(
      "latest",
      { types: null },
      this.#options.clock.now() + READ_MS_MAX,
    );
    if (page.kind === "gone") return;
    this.#position = positionAt(page.cursor);
    this.#oldest = this.#position.places;
    this.#recent = [];
  }

  /** Who joins meanwhile has it from `#recent`, and is not among those who are told here. */
  async #tell(before: Position, page: Page): Promise<void> {
    const heard = heardFrom(before.places, page.events);
    this.#position = positionAt(page.cursor);
    this.#keep(heard);
    const ofProduct = Map.groupBy(heard, ({ event }) => productOf(event));
    const told: { readonly listener: Listener; readonly events: readonly HeardEvent[] }[] = [];
    for (const { filter, listeners } of this.#groups.values()) {
      const some = filter.productId === null ? heard : (ofProduct.get(filter.productId) ?? []);
      // One list for all of the group, so that it is written once.
      const events = some.filter(({ event }) => passes(event, filter));
      for (const listener of listeners) {
        if (events.length === 0) listener.hear(events, page.cursor);
        else told.push({ listener, events });
      }
    }
    for (const [index, { listener, events }] of told.entries()) {
      if (index % TOLD_AT_ONCE === TOLD_AT_ONCE - 1) await new Promise(setImmediate);
      if (this.#following.has(listener)) listener.hear(events, page.cursor);
    }
  }

  #keep(heard: readonly HeardEvent[]): void {
    this.#recent.push(...heard);
    const forgotten = this.#recent.splice(0, Math.max(0, this.#recent.length - RECENT_EVENTS_MAX));
    const oldest = [...this.#oldest];
    for (const { place } of forgotten) oldest[place.partition] = place;
    this.#oldest = oldest;
  }

  /** Resolves when the reader has read again. */
  #move(): Promise<void> {
    return new Promise((resolve) => this.#moved.push(resolve));
  }
}

const NEVER = new AbortController().signal;

const positionAt = (cursor: string): Position => ({ cursor, places: readEventCursor(cursor) });

/** Before all that a page from the first event has. */
function beginningOf({ cursor }: Page): Position {
  const places = readEventCursor(cursor).map((place) => ({ ...place, seq: 0, number: 0 }));
  return { cursor: writeEventCursor(places), places };
}

/** It may be there again; all else is as it is. */
const isAway = (error: unknown): boolean => error instanceof Fault && error.retryable;

/** So many at a time; who comes then waits for his turn. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async within<Value>(run: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
