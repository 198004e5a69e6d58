/** One shopper, from the first request to the last. */
import type { Alarm } from "#rush/alarm";
import type { Order, Shopper } from "#rush/plan";
import type { Hold, Reserved, Shop } from "#rush/shop";

/** The longest that somebody thinks before paying or cancelling. */
const THOUGHT_MS_MAX = 2_000;
/** Who comes again does so within this time: nobody is on the second. */
const RETURN_MS_MAX = 2_000;
/** Nobody stays longer than for the end of the holds that were there when he came. */
const STAY_MS_MAX = 75_000;
/** Who pays late is so late at most. */
const LATE_MS_MAX = 2_000;
const LOOK_EVERY_MS = 1_000;
/** Who waits looks for its place so often, more or less. */
const PLACE_EVERY_MS = 3_000;
/** A hold that is due and has not ended by then is told by the table. */
const LOOKS_MAX = 30;

export interface World {
  readonly shop: Shop;
  readonly alarm: Alarm;
  /** How long a hold lasts. */
  readonly holdMs: number;
  /** Whether who still waits in line goes home: nothing will come any more. */
  readonly isLineOver: () => boolean;
}

/** All orders at once. Ends when nothing is left to be done or heard. */
export async function visit(shopper: Shopper, world: World): Promise<void> {
  await Promise.all(
    shopper.orders.map(async (order) => {
      const hold = await holdFor(shopper, world, order);
      if (hold !== null) await use(hold, shopper, world);
    }),
  );
}

/** A hold, now or at another try; null for who goes without. */
async function holdFor(
  { kind, chance }: Shopper,
  world: World,
  order: Order,
): Promise<Hold | null> {
  const { alarm, holdMs, shop } = world;
  const reserve = (): Promise<Reserved> => shop.reserve(order);
  const leavesAt = Date.now() + STAY_MS_MAX;
  for (let returns = 0; ; returns += 1) {
    const answer = merged(await Promise.all(Array.from({ length: kind.copies }, reserve)));
    if (answer.kind === "held") return answer.hold;
    if (answer.kind === "refused" && kind.waits) return await offered(order, chance, world);
    if (answer.kind === "unknown" || returns >= kind.returns) return null;
    // Who is not told knows how long a hold lasts.
    const comesAt = answer.nextAt ?? Date.now() + holdMs;
    if (comesAt > leavesAt) return null;
    await alarm.at(comesAt + chance() * RETURN_MS_MAX);
  }
}

/** What comes of a place in the line: a hold that was offered, or null for who goes without. */
async function offered(
  order: Order,
  chance: () => number,
  { shop, alarm, isLineOver }: World,
): Promise<Hold | null> {
  let place = await shop.join(order);
  while (place === "waiting" && !isLineOver()) {
    await alarm.after((0.5 + chance()) * PLACE_EVERY_MS, isLineOver);
    place = await shop.place(order);
  }
  // Between the last look and this one it may have been offered.
  if (place === "waiting") place = await shop.leave(order);
  return place === "waiting" ? null : place;
}

/** Whoever clicks twice goes on with the hold that one of the clicks was told of. */
function merged(answers: readonly Reserved[]): Reserved {
  const unknown = { kind: "unknown" } as const;
  return (
    answers.find(({ kind }) => kind === "held") ??
    answers.find(({ kind }) => kind === "refused") ??
    unknown
  );
}

async function use(hold: Hold, { kind, chance }: Shopper, { shop, alarm }: World): Promise<void> {
  const clicks = (click: () => Promise<void>): Promise<unknown> =>
    Promise.all(Array.from({ length: kind.copies }, click));
  switch (kind.does) {
    case "pay":
      await alarm.after(chance() * THOUGHT_MS_MAX);
      await clicks(() => shop.confirm(hold, "reject"));
      return;
    case "cancel":
      await alarm.after(chance() * THOUGHT_MS_MAX);
      await clicks(() => shop.cancel(hold));
      return;
    case "pay_late":
    case "pay_late_reacquire": {
      const onExpired = kind.does === "pay_late" ? "reject" : "reacquire";
      await alarm.at(hold.dueAt + chance() * LATE_MS_MAX);
      await clicks(() => shop.confirm(hold, onExpired));
      return;
    }
    case "leave":
      await alarm.at(hold.dueAt);
      for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
        await alarm.after(LOOK_EVERY_MS);
        if (await shop.look(hold)) return;
      }
  }
}
