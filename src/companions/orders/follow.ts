/**
 * Follows the events of the inventory: a hold that ended there ends its order here. One process
 * listens at a time, by a lease in PostgreSQL; who lost it without noticing changes nothing, because
 * the cursor has moved on.
 */
import { followEvents, HoldfastProblem, type Event } from "#client/client";
import type { Change, FeedStore } from "#companions/orders/feed-store";
import { isUnsure, type Inventory } from "#companions/orders/holds";
import { idOfName } from "#companions/orders/order";
import type { Relay } from "#companions/orders/relay";
import { randomId } from "#lib/ids";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

const LEASE_SECONDS = 6;
const RENEW_EVERY_MS = 2_000;
/** Before somebody who does not listen looks whether anybody does, or tries again. */
const PAUSE_MS = 1_000;
const PAGE = 500;

export interface FollowingOptions {
  readonly feed: FeedStore;
  readonly inventory: Inventory;
  /** Told of each order that has a step to go. */
  readonly relay: Pick<Relay, "wake">;
  readonly log: Log;
}

export interface Following {
  stop(): Promise<void>;
}

export function startFollowing({ feed, inventory, relay, log }: FollowingOptions): Following {
  const holder = randomId(16);
  const stopping = new AbortController();

  const listen = async (kept: string | null, signal: AbortSignal): Promise<void> => {
    const after = kept ?? (await begun(null, signal));
    let cursor = after;
    for await (const page of followEvents(inventory, {
      after,
      types: ["movement"],
      limit: PAGE,
      signal,
    })) {
      const touched = await feed.advance(cursor, page.cursor, changesOf(page.events));
      if (touched === null) return;
      ({ cursor } = page);
      for (const id of touched) await relay.wake(id);
    }
  };
  /** From now on: what was before is for the look at holds that are overdue. */
  const begun = async (from: string | null, signal: AbortSignal): Promise<string> => {
    const answer = await inventory.events.$get(
      { query: { after: "latest" } },
      { init: { signal } },
    );
    const { cursor } = await answer.json();
    await feed.advance(from, cursor, []);
    return cursor;
  };
  const whileHeld = async (kept: string | null): Promise<void> => {
    const own = new AbortController();
    const end = (): void => own.abort();
    stopping.signal.addEventListener("abort", end);
    const renewing = setInterval(() => {
      feed.hold(holder, LEASE_SECONDS).then((place) => {
        if (place === null) end();
      }, end);
    }, RENEW_EVERY_MS);
    try {
      await listen(kept, own.signal);
    } catch (error) {
      if (!(error instanceof HoldfastProblem) || error.code !== "cursor_expired") throw error;
      log.warn("the inventory does not keep the events any more that were not heard yet");
      await begun(kept, own.signal);
    } finally {
      clearInterval(renewing);
      stopping.signal.removeEventListener("abort", end);
    }
  };
  const following = (async () => {
    while (!stopping.signal.aborted) {
      try {
        const place = await feed.hold(holder, LEASE_SECONDS);
        if (place !== null) await whileHeld(place.cursor);
      } catch (error) {
        const level = isUnsure(error) || stopping.signal.aborted ? "debug" : "warn";
        log[level]("the events of the inventory cannot be followed", { error });
      }
      await pause(PAUSE_MS, stopping.signal);
    }
    await feed.release(holder).catch(() => undefined);
  })();
  return {
    async stop() {
      stopping.abort();
      await following;
    },
  };
}

const TOLD: ReadonlySet<string> = new Set(["RESERVE", "RELEASE", "EXPIRE", "SALE"]);
const isTold = (type: string): type is Change["type"] => TOLD.has(type);

/** The last of each hold and type; the others of a cart say the same. */
function changesOf(events: readonly Event[]): readonly Change[] {
  const changes = new Map<string, Change>();
  for (const { movement } of events) {
    if (movement === null || movement.reservationId === null || !isTold(movement.type)) continue;
    const { type, reservationId } = movement;
    const id = idOfName(movement.orderId);
    if (id !== null) changes.set(`${reservationId} ${type}`, { id, reservationId, type });
  }
  return [...changes.values()];
}
