/**
 * Who comes to a rush, as data: each kind with its share of the shoppers, how it asks, and what it does
 * with what it holds. Another kind is another record here.
 */

/** What a shopper does with a hold. */
export type Deed =
  /** Pays after a moment. */
  | "pay"
  /** Thinks better of it. */
  | "cancel"
  /** Walks away, and looks afterwards what became of it. */
  | "leave"
  /** Pays when the hold has expired. */
  | "pay_late"
  /** The same, and wants it after all if there is still one. */
  | "pay_late_reacquire";

export interface Kind {
  readonly name: string;
  /** Of a hundred shoppers. */
  readonly share: number;
  /** Orders of one unit each, all at once. */
  readonly orders: number;
  /** The same request so many times at once, each under a key of its own. */
  readonly copies: number;
  readonly does: Deed;
  /** Who is refused comes again when the next hold ends, so many times. */
  readonly returns: number;
  /** Who is refused goes into the line of the product, and takes what is offered there. */
  readonly waits: boolean;
}

/** One order, asked for once, and paid. */
const PLAIN = { orders: 1, copies: 1, does: "pay", returns: 0, waits: false } as const;

export const KINDS: readonly Kind[] = [
  { ...PLAIN, name: "buyers", share: 47, returns: 3 },
  { ...PLAIN, name: "those who wait in line", share: 10, waits: true },
  { ...PLAIN, name: "double clickers", share: 12, copies: 2, returns: 3 },
  { ...PLAIN, name: "bots", share: 3, orders: 3, copies: 4, returns: 1 },
  { ...PLAIN, name: "those who leave", share: 12, does: "leave" },
  { ...PLAIN, name: "late payers", share: 4, does: "pay_late" },
  { ...PLAIN, name: "late payers who insist", share: 4, does: "pay_late_reacquire" },
  { ...PLAIN, name: "those who cancel", share: 8, does: "cancel" },
];
