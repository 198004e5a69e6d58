/** A product that is sold out, and those who wait for it: what tests of its line begin with. */
import type { Redis } from "ioredis";
import type { InLine, OfferResult, PlaceOutcome } from "#inventory/waitlist-ports";
import { decodeEntry } from "#redis/journal";
import type { RedisOfFile } from "#test/redis";
import {
  initialize,
  joinCommand,
  reserve,
  reserveCommand,
  soon,
  waiting,
  type TestStore,
} from "#test/store";

/** A reserve of the owner that waits with that order. */
export const asWaiting = (order: string, quantity: number, customer?: string) => {
  const { owner } = waiting("p1", order, customer);
  return reserveCommand(order, { p1: quantity }, { owner });
};

/** A product of which all units are held, and who holds them. */
export async function soldOut(open: RedisOfFile["open"], units = 3) {
  const opened = await open();
  await initialize(opened.store, "p1", units);
  const hold = await reserve(opened.store, "first", { p1: units });
  return { ...opened, hold };
}

export async function join(
  of: TestStore,
  order: string,
  quantity = 1,
  more: Parameters<typeof joinCommand>[3] = {},
): Promise<InLine & { readonly replayed: boolean }> {
  const outcome = await of.waitlist.join(joinCommand("p1", order, quantity, more));
  if (outcome.kind !== "waiting") throw new Error(`join answered ${outcome.kind}`);
  return outcome;
}

export const place = (of: TestStore, order: string, customer?: string): Promise<PlaceOutcome> =>
  of.waitlist.place(waiting("p1", order, customer), soon());

export const offer = (of: TestStore): Promise<OfferResult> => of.waitlist.offer(0, "freed", soon());

/** What the last change left in the journal. */
export async function lastEntry(redis: Redis) {
  const [id = "", fields = []] = (await redis.xrevrange("{p0}:journal", "+", "-"))[0] ?? [];
  return decodeEntry(0, id, fields);
}
