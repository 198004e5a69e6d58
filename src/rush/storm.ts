/** The storm itself: everybody comes when he is due, and the last one leaves. */
import { createAlarm, type Alarm } from "#rush/alarm";
import { createGate, type Gate } from "#rush/gate";
import { productOf } from "#rush/ledger";
import { shoppersOf, type Plan, type Shopper } from "#rush/plan";
import { createShop, type Client } from "#rush/shop";
import { visit } from "#rush/shopper";
import { Told } from "#rush/told";

/** Calls under way, each on a connection of its own; the others wait for one. */
export const CALLS_MAX = 200;

const MINUTE_MS = 60_000;
/** Behind the end of the last hold of the campaign: what came back was offered by then, if anybody could. */
const LINE_MS = 20_000;
/** How often it is looked whether there is still something to wait for. */
const LOOK_EVERY_MS = 1_000;

export interface Storm extends Disposable {
  readonly told: Told;
  readonly gate: Gate;
  readonly alarm: Alarm;
  /** Shoppers who came so far, and of those who are still there. */
  readonly came: number;
  readonly inside: number;
  /** Resolves when the last has left. Rejects when a shopper could not go on at all, or is stopped. */
  readonly over: Promise<void>;
}

export interface StormOptions {
  readonly client: Client;
  readonly plan: Plan;
  /** Whose units are wanted. */
  readonly campaignId: string;
  readonly signal: AbortSignal;
}

export function startStorm({ client, plan, campaignId, signal }: StormOptions): Storm {
  const told = new Told();
  const gate = createGate(CALLS_MAX);
  const alarm = createAlarm(signal);
  const shop = createShop({ client, plan, campaignId, gate, told, signal });
  let [came, inside] = [0, 0];
  const begunAt = performance.now();
  const lineEndsAt = begunAt + plan.seconds * 1_000 + plan.holdMinutes * MINUTE_MS + LINE_MS;
  let isSoldOut = false;
  const isLineOver = (): boolean => isSoldOut || performance.now() >= lineEndsAt;
  /** While anybody is there. What is sold comes back to nobody; whether it is, the next look may tell. */
  const watch = async (isOver: () => boolean): Promise<void> => {
    while (!isSoldOut && !isOver() && !signal.aborted) {
      await alarm.after(LOOK_EVERY_MS, isOver);
      const looked = productOf({ client, productId: plan.productId, signal });
      isSoldOut = await looked.then(
        ({ totalStock }) => totalStock === 0,
        () => false,
      );
    }
  };
  const come = async (shopper: Shopper): Promise<void> => {
    came += 1;
    inside += 1;
    await visit(shopper, { shop, alarm, holdMs: plan.holdMinutes * MINUTE_MS, isLineOver });
    inside -= 1;
  };
  const everybody = async (): Promise<void> => {
    const visits: Promise<void>[] = [];
    let isOver = false;
    void watch(() => isOver);
    for (const shopper of shoppersOf(plan)) {
      const inMs = begunAt + shopper.comesAt - performance.now();
      if (inMs > 0) await alarm.after(inMs);
      if (signal.aborted) break;
      visits.push(come(shopper));
    }
    await Promise.all(visits).finally(() => (isOver = true));
    signal.throwIfAborted();
  };
  return {
    told,
    gate,
    alarm,
    get came() {
      return came;
    },
    get inside() {
      return inside;
    },
    over: everybody(),
    [Symbol.dispose]: () => alarm[Symbol.dispose](),
  };
}
