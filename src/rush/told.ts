/** What shoppers were told: the rush's own books, made of answers alone. */
import type { Order } from "#rush/plan";

export type Verb = "reserve" | "join" | "leave" | "confirm" | "cancel" | "look";

/** A call without a certain answer. */
export interface Unknown {
  readonly verb: Verb;
  readonly orderId: string;
  /** The hold that was to end; null for a reserve. */
  readonly reservationId: string | null;
  readonly why: string;
}

/** How many calls of one kind were answered with something that no rush should hear. */
export interface Strange {
  readonly answer: string;
  count: number;
}

interface Asked {
  isHeld: boolean;
  isRefused: boolean;
}

export interface Times {
  /** From when it was sent until it was answered. */
  readonly servedMs: number;
  /** From when the shopper wanted it: with the wait for a connection. */
  readonly feltMs: number;
}

export class Told {
  /** Ids of holds, each once, however often it was told. */
  readonly held = new Map<string, Order>();
  readonly expired = new Set<string>();
  readonly cancelled = new Set<string>();
  /** Of what was sold after its hold had expired, the id of the sale. */
  readonly sold = new Set<string>();
  /** Orders that somebody asked for, by their ids. */
  readonly orders = new Map<string, Asked>();
  /** Orders that stood in the line. */
  readonly waiting = new Set<string>();
  readonly unknown: Unknown[] = [];
  readonly strange = new Map<string, Strange>();
  /** Of every reserve that was answered. */
  readonly reserves: Times[] = [];
  #refused = 0;

  /** Orders that were refused so far, and never had a hold. */
  get refused(): number {
    return this.#refused;
  }

  hold(order: Order, reservationId: string): void {
    this.held.set(reservationId, order);
    const asked = this.#asked(order);
    if (asked.isRefused && !asked.isHeld) this.#refused -= 1;
    asked.isHeld = true;
  }

  refuse(order: Order): void {
    const asked = this.#asked(order);
    if (!asked.isRefused && !asked.isHeld) this.#refused += 1;
    asked.isRefused = true;
  }

  notKnown(order: Order, unknown: Omit<Unknown, "orderId">): void {
    this.#asked(order);
    this.unknown.push({ ...unknown, orderId: order.orderId });
  }

  wonder(answer: string): void {
    const seen = this.strange.get(answer) ?? { answer, count: 0 };
    seen.count += 1;
    this.strange.set(answer, seen);
  }

  #asked({ orderId }: Order): Asked {
    const known = this.orders.get(orderId);
    if (known !== undefined) return known;
    const asked = { isHeld: false, isRefused: false };
    this.orders.set(orderId, asked);
    return asked;
  }
}
