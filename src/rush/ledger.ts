/** What the service says of a rush when it is over: its ledger, its reservations and the product. */
import { movementsOf, type Inventory, type LedgerMovement } from "#client/client";
import type { Alarm } from "#rush/alarm";
import type { Gate } from "#rush/gate";
import type { Client } from "#rush/shop";

/** A ledger that is behind is asked again, for so long. */
const LEDGER_MS_MAX = 60_000;
const ASK_EVERY_MS = 500;
/** The service's clock may be a little behind its own answers'. */
const FROM_EARLIER_MS = 1_000;

/** A hold or a sale that the ledger names, and whose it is. */
export interface Entry {
  readonly reservationId: string;
  readonly orderId: string | null;
}

/** All movements of the product. An entry that is there twice happened twice. */
export interface Ledger {
  readonly held: readonly Entry[];
  readonly expired: readonly Entry[];
  readonly cancelled: readonly Entry[];
  readonly sold: readonly Entry[];
  /** Orders that went into the line, each as often as it did. */
  readonly waiting: readonly string[];
  /** Behind the last movement of each place. */
  readonly onHand: number;
  readonly reserved: number;
  /** The least that was free behind any movement. */
  readonly leastFree: number;
  readonly movements: number;
}

export type Status = "ACTIVE" | "CONFIRMED" | "CANCELLED" | "EXPIRED";

export interface ReaderOptions {
  readonly client: Client;
  readonly gate: Gate;
  readonly alarm: Alarm;
  readonly productId: string;
  readonly signal: AbortSignal;
}

/** Why the ledger cannot be held against what was told. */
export class LedgerAway extends Error {
  override readonly name = "LedgerAway";
}

export type Looking = Pick<ReaderOptions, "client" | "productId" | "signal">;

export async function productOf({ client, productId, signal }: Looking): Promise<Inventory> {
  const asked = { param: { productId } };
  return (await client.product[":productId"].$get(asked, { init: { signal } })).json();
}

/** Rejects with LedgerAway where it stays behind. */
export async function readLedger(options: ReaderOptions, product: Inventory): Promise<Ledger> {
  const { client, alarm, productId, signal } = options;
  // A time, since older movements of others may have been put away.
  const from = new Date(Date.parse(product.createdAt) - FROM_EARLIER_MS).toISOString();
  const giveUpAt = performance.now() + LEDGER_MS_MAX;
  for (;;) {
    const query = { productId, from };
    const answer = await client.movements.export.$get({ query }, { init: { signal } });
    if (!answer.headers.has("ledger-lag")) {
      const line = { reference: `waiting:${productId}`, type: "RECORD", from } as const;
      const places = await client.movements.export.$get({ query: line }, { init: { signal } });
      return await gathered(movementsOf(answer), movementsOf(places));
    }
    await answer.body?.cancel();
    if (performance.now() > giveUpAt) {
      throw new LedgerAway("the ledger is behind, and stays so: does a worker run?");
    }
    await alarm.after(ASK_EVERY_MS);
    signal.throwIfAborted();
  }
}

async function gathered(
  movements: AsyncIterable<LedgerMovement>,
  places: AsyncIterable<LedgerMovement>,
): Promise<Ledger> {
  const waiting: string[] = [];
  for await (const { reason, orderId } of places) {
    if (reason === "joined" && orderId !== null) waiting.push(orderId);
  }
  const levels = new Map<string, LedgerMovement["after"]>();
  const entries = new Map<LedgerMovement["type"], Entry[]>();
  const of = (type: LedgerMovement["type"]): Entry[] => {
    const known = entries.get(type) ?? [];
    entries.set(type, known);
    return known;
  };
  let [leastFree, count] = [Infinity, 0];
  for await (const { type, reservationId, orderId, location, after } of movements) {
    count += 1;
    levels.set(location ?? "", after);
    leastFree = Math.min(leastFree, after.totalStock - after.reservedStock);
    // A sale without a hold is one all the same.
    const entry = { reservationId: reservationId ?? `without a hold, ${count}`, orderId };
    of(type).push(entry);
  }
  const all = [...levels.values()];
  return {
    waiting,
    held: of("RESERVE"),
    expired: of("EXPIRE"),
    cancelled: of("RELEASE"),
    sold: of("SALE"),
    onHand: all.reduce((sum, { totalStock }) => sum + totalStock, 0),
    reserved: all.reduce((sum, { reservedStock }) => sum + reservedStock, 0),
    leastFree,
    movements: count,
  };
}

/** The status of each; who is not there is left out. */
export async function readReservations(
  { client, gate, signal }: ReaderOptions,
  ids: readonly string[],
): Promise<Map<string, Status>> {
  const call = client.reservation[":reservationId"];
  const found = new Map<string, Status>();
  await Promise.all(
    ids.map((reservationId) =>
      gate.through(async () => {
        signal.throwIfAborted();
        const asked = { param: { reservationId } };
        const { status } = await (await call.$get(asked, { init: { signal } })).json();
        found.set(reservationId, status);
      }),
    ),
  );
  return found;
}
