/** What confirm, cancel and extend share on the model: which hold, and who may not touch it. */
import * as fc from "fast-check";
import type { CustomerId, Location, ProductId, ReservationId } from "#inventory/model";
import type { EndCommand, HoldCommand, HoldTarget, LineQuantity } from "#inventory/ports";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { decided, done, expireHold, isDue, once, type Call, type Decision } from "#model/call";
import { STRANGER } from "#model/names";
import {
  amounts,
  fromEnd,
  holdsOf,
  productAt,
  seldom,
  unitsOf,
  type Scene,
  type Shape,
} from "#model/plan";
import {
  holdOf,
  isLive,
  linesOf,
  reservationOf,
  stockOf,
  type Hold,
  type World,
} from "#model/world";

/** Lines of holds that one call looks at; its later items are told to come again. */
const LINES_MAX = 400;

/** Which hold: a live one, one that expired, any generation that ever was, the id of nobody, or of no partition. */
export const holdChoice = {
  hold: fc.nat({ max: 63 }),
  which: fc.oneof(
    { weight: 14, arbitrary: fc.constant("live" as const) },
    { weight: 8, arbitrary: fc.constant("expired" as const) },
    { weight: 5, arbitrary: fc.constant("any" as const) },
    { weight: 1, arbitrary: fc.constantFrom("nobody" as const, "no partition" as const) },
  ),
  who: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("anybody" as const, "its customer" as const) },
    { weight: 1, arbitrary: fc.constant("a stranger" as const) },
  ),
  /** Whichever hold of that owner is live, in place of that generation. */
  whichever: seldom(8, fc.constant(true)),
};

interface HoldChoice {
  readonly hold: number;
  readonly which: "live" | "expired" | "any" | "nobody" | "no partition";
  readonly who: "anybody" | "its customer" | "a stranger";
  readonly whichever: boolean | null;
}

export interface Chosen {
  readonly hold: Hold | null;
  /** Within which an Idempotency-Key counts. */
  readonly reservationId: ReservationId;
  readonly target: HoldTarget;
  readonly customerId: CustomerId | null;
  /** Whether that id names a partition. */
  readonly isSent: boolean;
}

/** null: there is no hold yet, and nothing else was asked for. */
export function chosen(scene: Scene, choice: HoldChoice): Chosen | null {
  const { hold: index, which, who } = choice;
  const all = holdsOf(scene);
  const fitting = all.filter(({ world, hold }) => {
    if (which === "live") return isLive(hold);
    return which !== "expired" || reservationOf(world, hold).status === "EXPIRED";
  });
  const found = fromEnd(fitting.length > 0 ? fitting : all, index);
  const customers = {
    anybody: null,
    "its customer": found?.hold.customerId ?? null,
    "a stranger": STRANGER,
  };
  const customerId = customers[who];
  if (!found && which !== "nobody" && which !== "no partition") return null;
  if (!found || which === "nobody" || which === "no partition") {
    const partition = which === "no partition" ? scene.worlds.length : 0;
    const owner = String(index).padStart(32, "0");
    const reservationId = reservationIdOf(partition, owner, "00000000");
    const target = targetOf(reservationId, choice);
    return { hold: null, reservationId, target, customerId, isSent: which !== "no partition" };
  }
  const { world, hold } = found;
  const reservationId = reservationIdOf(world.partition, hold.owner, hold.generation);
  const target = targetOf(reservationId, choice);
  return { hold, reservationId, target, customerId, isSent: true };
}

function targetOf(reservationId: ReservationId, { whichever }: HoldChoice): HoldTarget {
  const parts = splitReservationId(reservationId);
  return whichever === true ? { ...parts, generation: null } : parts;
}

/**
 * Answers an item unless the hold is live and may be changed; then `change` does. `ended` may have
 * a better answer to a hold that is not live, or to another generation than the last one.
 */
export function onHold(
  call: Call,
  command: HoldCommand,
  change: (hold: Hold) => Decision,
  ended: (hold: Hold) => Decision | null = () => null,
): Decision {
  return once(call, command.operation, () => {
    const { world } = call;
    const { owner, generation } = command.hold;
    const hold = holdOf(world, owner);
    const { customerId } = command;
    if (!hold || (customerId !== null && customerId !== hold.customerId)) {
      return decided("unknown", { kind: "unknown_reservation" });
    }
    const isNamed = generation !== null;
    if (isNamed && hold.generation !== generation) return ended(hold) ?? decided("superseded");
    if (call.linesSeen >= LINES_MAX) return decided("again");
    call.linesSeen += linesOf(hold).length;
    if (isDue(call, hold)) expireHold(call, hold);
    if (isLive(hold)) return change(hold);
    if (!isNamed) return decided("unknown", { kind: "unknown_reservation" });
    const better = ended(hold);
    if (better) return better;
    const reservation = reservationOf(world, hold);
    const kind = reservation.status.toLowerCase();
    return decided(kind, { kind, reservation });
  });
}

/** Who named no generation hears the stock of the hold's product as well. */
export function doneWith(world: World, hold: Hold, command: HoldCommand): Decision {
  const reservation = reservationOf(world, hold);
  const told =
    command.hold.generation === null ? { stock: stockOf(world, linesOf(hold)[0]?.productId) } : {};
  const outcome = { kind: "done", reservation, replayed: false, ...told };
  return done("done", outcome, { ...outcome, replayed: true });
}

/** All of a hold (null), or some of its products; numbers beyond its lines are other products. */
export const partChoice = (shape: Shape) =>
  seldom(
    2,
    fc.array(fc.record({ line: fc.nat({ max: 15 }), amount: amounts(shape) }), {
      minLength: 1,
      maxLength: 3,
    }),
  );

type Part = readonly { readonly line: number; readonly amount: Parameters<typeof unitsOf>[0] }[];

export function linesOfPart(
  scene: Scene,
  { hold }: Chosen,
  part: Part | null,
): readonly LineQuantity[] | null {
  if (part === null) return null;
  return part.map(({ line, amount }) => {
    const held = hold ? linesOf(hold) : [];
    const found = held[line % (held.length + 1)];
    const productId = found?.productId ?? productAt(scene, line);
    return { productId, quantity: unitsOf(amount, found?.held ?? 0) };
  });
}

/** Draws on a hold by quantity, level by level in the order in which it took them. */
export function draw(
  call: Call,
  command: EndCommand,
  hold: Hold,
  take: (productId: ProductId, location: Location, units: number) => void,
): Decision {
  const held = sums(linesOf(hold).map(({ productId, held: units }) => [productId, units]));
  const wanted = wantedOf(command, held);
  if (!(wanted instanceof Map)) return wanted;
  for (const line of linesOf(hold)) {
    const left = wanted.get(line.productId) ?? 0;
    const units = Math.min(left, line.held);
    if (units === 0) continue;
    wanted.set(line.productId, left - units);
    take(line.productId, line.location, units);
  }
  return doneWith(call.world, hold, command);
}

/** Units by product that a command is about, or the refusal when there are fewer. */
export function wantedOf(
  { lines }: EndCommand,
  there: ReadonlyMap<ProductId, number>,
): Map<ProductId, number> | Decision {
  const asked = lines?.map(({ productId, quantity }) => [productId, quantity] as const);
  const wanted = asked ? sums(asked) : new Map(there);
  const exceeded = [...wanted].filter(([productId, units]) => units > (there.get(productId) ?? 0));
  if (exceeded.length === 0) return wanted;
  const outcomes = exceeded.map(([productId]) => {
    return { kind: "exceeds_held", productId, held: there.get(productId) ?? 0 };
  });
  return { word: "exceeds", outcomes };
}

export function sums(pairs: readonly (readonly [ProductId, number])[]): Map<ProductId, number> {
  const all = new Map<ProductId, number>();
  for (const [productId, units] of pairs) all.set(productId, units + (all.get(productId) ?? 0));
  return all;
}
