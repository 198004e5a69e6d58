/** reserve on the model: an owner's hold, all of it or nothing; reserving again replaces it. */
import * as fc from "fast-check";
import type { Location } from "#inventory/model";
import { CART_SCOPE, ownerOf } from "#inventory/owner";
import type { RequestedLine, ReserveCommand } from "#inventory/ports";
import {
  decided,
  done,
  expireHold,
  isDue,
  move,
  nowSecond,
  once,
  release,
  schedule,
  dueSecondIn,
  type Call,
  type Decision,
} from "#model/call";
import { shopper } from "#model/names";
import {
  amounts,
  knownProduct,
  locationAt,
  partitionOf,
  plans,
  productAt,
  productNumbers,
  seldom,
  unitsOf,
  worldOf,
  type Plan,
  type Scene,
  type Shape,
} from "#model/plan";
import {
  availableOf,
  hasConfirmed,
  holdOf,
  isLive,
  levelsOf,
  linesOf,
  reservationOf,
  type Hold,
  type World,
} from "#model/world";

const GENERATION_DIGITS = 8;

export function reserves(shape: Shape): fc.Arbitrary<Plan> {
  const line = fc.record({
    product: productNumbers(shape),
    amount: amounts(shape),
    /** null: any, home first. */
    at: shape.isRich ? fc.constant(null) : seldom(4, fc.nat({ max: 127 })),
  });
  const choices = fc.record({
    shopper: fc.nat({ max: shape.shoppers - 1 }),
    lines: fc.oneof(
      { weight: shape.isRich ? 0 : 2, arbitrary: fc.array(line, { minLength: 1, maxLength: 1 }) },
      {
        weight: 1,
        arbitrary: fc.array(line, {
          minLength: shape.isRich ? shape.lines / 2 : 1,
          maxLength: shape.lines,
          size: "max",
        }),
      },
    ),
    /** Asks for what the owner holds already, if it holds something. */
    isSame: seldom(4, fc.constant(true)),
    seconds: fc.constantFrom(60, 1, 2, 900, 86_400),
  });
  return plans("reserve", choices, (scene, choice, base) => {
    const { customerId, orderId } = shopper(choice.shopper);
    const owner = ownerOf(customerId, orderId, CART_SCOPE);
    const asked = linesAsked(scene, choice.lines);
    const partitions = new Set(asked.map(({ productId }) => partitionOf(scene, productId)));
    const [partition = 0] = partitions;
    const world = worldOf(scene, partition);
    const live = holdOf(world, owner);
    const lines = choice.isSame === true && live && isLive(live) ? linesHeld(live) : asked;
    const command: ReserveCommand = {
      ...base(`${owner} ${partition}`),
      owner,
      generation: scene.next().toString(36).padStart(GENERATION_DIGITS, "0"),
      customerId,
      orderId,
      lines,
      holdSeconds: choice.seconds,
    };
    const spans = partitions.size > 1 && lines === asked;
    return {
      submit: (store) => store.reserve(command),
      decide: spans ? null : (call) => decideReserve(call, command),
      unsent: spans ? [{ fault: "cart_spans_partitions" }] : [],
    };
  });
}

type LineChoice = Readonly<{
  product: number;
  amount: Parameters<typeof unitsOf>[0];
  at: number | null;
}>;

/** Lines of distinct products: the core has summed those that were not. */
function linesAsked(scene: Scene, choices: readonly LineChoice[]): RequestedLine[] {
  const lines = new Map<string, RequestedLine>();
  for (const { product, amount, at } of choices) {
    const productId = productAt(scene, product);
    const known = knownProduct(scene, productId);
    const location = at === null ? null : (locationAt(scene, at) ?? null);
    const level = known && location && levelsOf(known).get(location);
    const there = level ? level.onHand - level.reserved : known ? availableOf(known) : 0;
    lines.set(productId, { productId, quantity: unitsOf(amount, there), location });
  }
  return [...lines.values()];
}

/** What a hold has, product by product. */
function linesHeld(hold: Hold): RequestedLine[] {
  const lines = new Map<string, RequestedLine>();
  for (const { productId, held } of linesOf(hold)) {
    const quantity = held + (lines.get(productId)?.quantity ?? 0);
    if (quantity > 0) lines.set(productId, { productId, quantity, location: null });
  }
  return [...lines.values()];
}

function decideReserve(call: Call, command: ReserveCommand): Decision {
  const { world } = call;
  return once(call, command.operation, () => {
    const last = holdOf(world, command.owner);
    if (last && isDue(call, last)) expireHold(call, last);
    if (last && hasConfirmed(last)) {
      const reservation = reservationOf(world, last);
      return decided("confirmed", { kind: "already_confirmed", reservation });
    }
    const live = last && isLive(last) ? last : undefined;
    if (live && holdsJustThat(live, command.lines)) {
      const reservation = reservationOf(world, live);
      return decided("held", { kind: "held", reservation, replayed: false });
    }
    const unknown = command.lines.find(({ productId }) => !world.products.has(productId));
    if (unknown) {
      return decided("unknown", { kind: "unknown_product", productId: unknown.productId });
    }
    const short = command.lines
      .map((line) => ({ line, units: takeable(world, line, live) }))
      .filter(({ line, units }) => units < line.quantity);
    if (short.length > 0) return fallsShort(call, short);
    return take(call, command, live);
  });
}

function fallsShort(call: Call, short: readonly { line: RequestedLine; units: number }[]) {
  // What is due may not have been released yet: then nobody is refused.
  if (call.world.swept < nowSecond(call)) return decided("due");
  const lines = short.map(({ line: { productId, quantity }, units }) => {
    return { productId, requested: quantity, available: units };
  });
  return decided("insufficient", { kind: "insufficient", lines });
}

function holdsJustThat(hold: Hold, asked: readonly RequestedLine[]): boolean {
  const units = (productId: string, location: Location | null): number =>
    linesOf(hold)
      .filter((line) => line.productId === productId)
      .filter((line) => location === null || line.location === location)
      .reduce((sum, { held }) => sum + held, 0);
  const isAsked = asked.every((line) => units(line.productId, line.location) === line.quantity);
  const all = linesOf(hold).reduce((sum, { held }) => sum + held, 0);
  return isAsked && all === asked.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** Units that line could have if the owner's live hold were not there. */
function takeable(world: World, line: RequestedLine, live: Hold | undefined): number {
  const product = world.products.get(line.productId);
  if (!product) return 0;
  const own = (live ? linesOf(live) : []).filter(({ productId }) => productId === line.productId);
  const ofProduct = availableOf(product) + own.reduce((sum, { held }) => sum + held, 0);
  if (line.location === null) return Math.max(0, ofProduct);
  const level = levelsOf(product).get(line.location) ?? { onHand: 0, reserved: 0 };
  const ownThere = own.find(({ location }) => location === line.location)?.held ?? 0;
  return Math.max(0, Math.min(ofProduct, level.onHand - level.reserved + ownThere));
}

function take(call: Call, command: ReserveCommand, live: Hold | undefined): Decision {
  const { context } = command;
  if (live) {
    live.isReplaced = true;
    release(call, live, "RELEASE", context);
  }
  const hold: Hold = {
    owner: command.owner,
    generation: command.generation,
    customerId: command.customerId,
    orderId: command.orderId,
    createdAt: call.now,
    dueSecond: dueSecondIn(call, command.holdSeconds),
    isReplaced: false,
    moves: [],
  };
  call.world.holds.push(hold);
  for (const line of command.lines) {
    const product = call.world.products.get(line.productId);
    if (!product) throw new Error("a line of no product was taken");
    let left = line.quantity;
    for (const [location, { onHand, reserved }] of levelsOf(product)) {
      const units = Math.min(left, onHand - reserved);
      if (units <= 0 || (line.location !== null && line.location !== location)) continue;
      move(call, { type: "RESERVE", product, location, reserved: units, hold, context });
      left -= units;
    }
    if (left > 0) throw new Error("the model took fewer units than it counted");
  }
  schedule(call, hold);
  const reservation = reservationOf(call.world, hold);
  const outcome = { kind: "reserved", reservation };
  return done("reserved", outcome, { kind: "held", reservation, replayed: true });
}
