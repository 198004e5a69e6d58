/** A ledger of events in memory, whose answers take their time, and who listens to it. */
import {
  isSeen,
  placeOf,
  readEventCursor,
  writeEventCursor,
  type HeardEvent,
} from "#inventory/event-cursor";
import type { EventFeed, Listener } from "#inventory/event-feed";
import { passes, type EventFilter } from "#inventory/event-filter";
import type { EventPage, EventPlace, EventQuery, LedgerEvent } from "#inventory/event-ports";
import { ProductId } from "#inventory/model";
import { ALERT, movementOf } from "#test/ports-double";
import type { Random } from "#test/random";

export const idOf = (event: LedgerEvent): string => {
  const { partition, seq, number } = placeOf(event);
  return `p${partition}-${seq}-${number}`;
};

export class FeedDouble {
  readonly all: LedgerEvent[] = [];
  reads = 0;
  /** What movements and alerts are of. */
  productIds: readonly string[] = ["p0", "p1", "p2", "p3"];
  /** Of each movement. */
  reason: string | null = null;
  /** What it answers instead, where it is not null. */
  instead: (query: EventQuery) => EventPage | null = () => null;
  readonly #random: Random;
  readonly #ends: EventPlace[];

  constructor(random: Random, partitions: number) {
    this.#random = random;
    this.#ends = Array.from({ length: partitions }, (_, partition) => {
      return { partition, seq: 0, number: 1 };
    });
  }

  /** Movements of any product, of any partition, and an alert behind some. */
  write(count: number): void {
    for (let written = 0; written < count; written += 1) {
      const end = this.#random.pick(this.#ends);
      const { partition, seq, number } = end;
      const productId = ProductId.parse(this.#random.pick(this.productIds));
      if (seq > 0 && this.#random.next() < 0.1) {
        this.#ends[partition] = { partition, seq, number: number + 1 };
        const alert = { ...ALERT, partition, seq, number: number + 1, productId };
        this.all.push({ kind: "alert", alert });
      } else {
        this.#ends[partition] = { partition, seq: seq + 1, number };
        const movement = movementOf({ partition, seq: seq + 1, productId, reason: this.reason });
        this.all.push({ kind: "movement", movement });
      }
    }
  }

  get end(): string {
    return writeEventCursor(this.#ends);
  }

  readonly events = async (query: EventQuery): Promise<EventPage> => {
    this.reads += 1;
    await this.#while();
    const page = this.instead(query) ?? this.#page(query);
    await this.#while();
    return page;
  };

  #page({ after, types, limit }: EventQuery): EventPage {
    if (after === "latest") return { kind: "events", events: [], cursor: this.end };
    const from = this.#ends.map(({ partition }) => ({ partition, seq: 0, number: 0 }));
    const places = after === null ? from : readEventCursor(after);
    const filter = { types, productId: null };
    const rest = this.all.filter(
      (event) => !isSeen(placeOf(event), places) && passes(event, filter),
    );
    const events = rest.slice(0, limit);
    if (rest.length <= limit) return { kind: "events", events, cursor: this.end };
    const ends = [...places];
    for (const event of events) ends[placeOf(event).partition] = placeOf(event);
    return { kind: "events", events, cursor: writeEventCursor(ends) };
  }

  async #while(): Promise<void> {
    const turns = this.#random.whole(0, 4);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
  }
}

/** One who listens, forgets its stream at any event, and comes back with what it has of it. */
export class Reader {
  readonly heard: string[] = [];
  cursor: string | null;
  readonly filter: EventFilter;
  /** It hears no more than these, and is gone. */
  left = Infinity;
  isCut = false;
  #leave: (() => void) | null = null;

  constructor(filter: EventFilter, cursor: string | null = null) {
    this.filter = filter;
    this.cursor = cursor;
  }

  async listen(feed: EventFeed): Promise<void> {
    const found = await feed.begin(this.cursor, this.filter, { deadline: Infinity });
    if (found.kind === "gone") throw new Error("it is gone");
    if (found.cursor !== null) this.cursor = found.cursor;
    let isGone = false;
    const listener: Listener = {
      hear: (events, cursor) => {
        if (isGone) return;
        for (const one of events) if (!this.#hear(one)) return void (isGone = true);
        this.cursor = cursor;
      },
      taken: async () => {
        await new Promise(setImmediate);
        return !isGone;
      },
      cut: () => {
        this.isCut = true;
        this.leave();
      },
    };
    this.#leave = found.follow(listener);
  }

  leave(): void {
    this.#leave?.();
  }

  #hear({ event, cursor }: HeardEvent): boolean {
    if (this.left <= 0) return false;
    this.left -= 1;
    this.heard.push(idOf(event));
    this.cursor = cursor;
    return true;
  }
}

/** What it must hear, partition by partition. */
export function heardOf(
  all: readonly LedgerEvent[],
  filter: EventFilter,
  partition: number,
): string[] {
  const own = all.filter((event) => placeOf(event).partition === partition);
  return own.filter((event) => passes(event, filter)).map(idOf);
}
