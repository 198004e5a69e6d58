/** A burst of changes by one process, each with what it was told: enough to fill a file with. */
import type { RedisStockStore } from "#redis/stock-store";
import { randomId } from "#lib/ids";
import type { Acknowledged } from "#test/audit";
import { Random } from "#test/random";
import {
  adjustCommand,
  endCommand,
  extendCommand,
  reassignCommand,
  initializeCommand,
  reserveCommand,
  soon,
} from "#test/store";

const CALLERS = 6;
/** Of each caller, one after the other. */
const TURNS = 2;
const UNITS = 500;

/** Made once: every burst is about these. */
export const PRODUCTS = ["p1", "p2", "p3"] as const;

type Note = (type: Acknowledged["type"], units: number, reservationId?: string) => void;

/**
 * Answers every effect that was acknowledged; rejects where a change was neither done nor refused. What
 * it draws from `random` is the same whatever the callers are answered, and in which order.
 */
export async function burst(store: RedisStockStore, random: Random): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  const seeds = Array.from({ length: CALLERS }, () => random.seed());
  const callers = seeds.map(async (seed) => {
    const own = new Random(seed);
    for (let turn = 0; turn < TURNS; turn += 1) await change(store, own, acknowledged);
  });
  await Promise.all(callers);
  return acknowledged;
}

export async function makeProducts(store: RedisStockStore): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  for (const id of PRODUCTS) {
    const { more, note } = newRequest(acknowledged);
    const outcome = await store.initialize(initializeCommand(id, UNITS, more));
    if (outcome.kind === "initialized") note("INITIAL", UNITS);
  }
  return acknowledged;
}

/** All that one request does bears its id. */
function newRequest(acknowledged: Acknowledged[]) {
  const requestId = randomId(16);
  const more = { context: { actor: "test:burst", requestId }, deadline: soon() };
  const note: Note = (type, units, reservationId) =>
    void acknowledged.push({ requestId, type, units, reservationId: reservationId ?? null });
  return { more, note };
}

/** A restock, or a hold with what becomes of it. */
async function change(
  store: RedisStockStore,
  random: Random,
  acknowledged: Acknowledged[],
): Promise<void> {
  const productId = random.pick(PRODUCTS);
  const { more, note } = newRequest(acknowledged);
  const units = random.whole(1, 5);
  if (random.next() < 0.25) {
    const adjusted = await store.adjust(
      adjustCommand(productId, units, { ...more, type: "RESTOCK" }),
    );
    if (adjusted.kind === "adjusted") note("RESTOCK", units);
    return;
  }
  const made = await store.reserve(reserveCommand(randomId(12), { [productId]: units }, more));
  if (made.kind !== "reserved") return;
  const { reservationId } = made.reservation;
  note("RESERVE", units, reservationId);
  const next = newRequest(acknowledged);
  const fates = ["confirm", "confirm", "cancel", "extend", "reassign", "keep"] as const;
  switch (random.pick(fates)) {
    case "confirm": {
      const ended = await store.confirm(endCommand(reservationId, next.more));
      if (ended.kind === "done") next.note("SALE", units, reservationId);
      return;
    }
    case "cancel": {
      const ended = await store.cancel(endCommand(reservationId, next.more));
      if (ended.kind === "done") next.note("RELEASE", units, reservationId);
      return;
    }
    case "extend": {
      const extended = await store.extend(extendCommand(reservationId, 1_800, next.more));
      if (extended.kind === "done") next.note("EXTEND", 0, reservationId);
      return;
    }
    case "reassign": {
      const order = random.pick(["shared", randomId(12)]);
      const given = await store.reassign(reassignCommand(reservationId, order, next.more));
      if (given.kind !== "done") return;
      next.note("RELEASE", units, reservationId);
      next.note("RESERVE", units, given.reservation.reservationId);
      return;
    }
    case "keep":
  }
}
