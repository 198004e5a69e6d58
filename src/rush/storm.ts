/** The storm itself: everybody comes when he is due, and the last one leaves. */
import { createAlarm, type Alarm } from "#rush/alarm";
import { createGate, type Gate } from "#rush/gate";
import { shoppersOf, type Plan, type Shopper } from "#rush/plan";
import { createShop, type Client } from "#rush/shop";
import { visit } from "#rush/shopper";
import { Told } from "#rush/told";

/** Calls under way, each on a connection of its own; the others wait for one. */
export const CALLS_MAX = 200;

const MINUTE_MS = 60_000;
/** Behind the end of the last hold of the campaign: what came back was offered by then. */
const LINE_MS = 20_000;

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
  const lineEndsAt = Date.now() + plan.seconds * 1_000 + plan.holdMinutes * MINUTE_MS + LINE_MS;
  const come = async (shopper: Shopper): Promise<void> => {
    came += 1;
    inside += 1;
    await visit(shopper, { shop, alarm, holdMs: plan.holdMinutes * MINUTE_MS, lineEndsAt });
    inside -= 1;
  };
  const everybody = async (): Promise<void> => {
    const visits: Promise<void>[] = [];
    for (const shopper of shoppersOf(plan)) {
      const inMs = begunAt + shopper.comesAt - performance.now();
      if (inMs > 0) await alarm.after(inMs);
      if (signal.aborted) break;
      visits.push(come(shopper));
    }
    await Promise.all(visits);
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
