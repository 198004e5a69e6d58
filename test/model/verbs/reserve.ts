/** reserve on the model: an owner's hold, all of it or nothing; reserving again replaces it. */
import * as fc from "fast-check";
import { QUANTITY_MAX, type OrderId } from "#inventory/model";
import { recorded } from "#redis/recorded";
import { CART_SCOPE, ownerOf } from "#inventory/owner";
import {
  RESERVE_MODES,
  type LineQuantity,
  type RequestedLine,
  type ReserveCommand,
  type ShortLine,
} from "#inventory/hold-ports";
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
  dueSecondAfter,
  type Call,
  type Decision,
} from "#model/call";
import { enter } from "#model/campaigns";
import { shopper } from "#model/names";
import { ofCampaign } from "#model/verbs/campaign-lines";
import { knownProductOf, measure, places, type Measured } from "#model/stock-taken";
import {
  amounts,
  holdsOf,
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
  stockOf,
  type Hold,
} from "#model/world";

/** What is given is chosen so, the rest at random. */
export function reserves(shape: Shape, given: Partial<Choices> = {}): fc.Arbitrary<Plan> {
  const choices = fc.record({ ...choicesOf(shape), ...given });
  return plans("reserve", choices, (scene, choice, base) => {
    const { customerId, orderId } = shopper(choice.shopper);
    const owner = ownerOf(customerId, orderId, CART_SCOPE);
    const asked = linesAsked(scene, choice.lines);
    const partitions = new Set(asked.map(({ productId }) => partitionOf(scene, productId)));
    const [partition = 0] = partitions;
    const world = worldOf(scene, partition);
    const live = holdOf(world, owner);
    const more = choice.like === "one more" ? 1 : 0;
    const held = choice.like !== null && live && isLive(live) ? linesHeld(live, more) : [];
    const lines = held.length > 0 ? held : asked;
    const command: ReserveCommand = {
      ...base(`${owner} ${partition}`),
      owner,
      generation: scene.generation(),
      customerId,
      orderId,
      lines,
      holdSeconds: choice.seconds,
      mode: more > 0 ? "best_effort" : choice.mode,
      dryRun: choice.isDry === true,
      adds: choice.adds === true,
      ...ofCampaign(scene, choice.campaign, lines, choice),
    };
    const spans = partitions.size > 1 && command.lines === asked;
    return {
      submit: (store) => store.reserve(command),
      decide: spans ? null : (call) => decideReserve(call, command),
      unsent: spans ? [{ fault: "cart_spans_partitions" }] : [],
    };
  });
}

type Choices = ReturnType<typeof choicesOf>;

function choicesOf(shape: Shape) {
  const line: fc.Arbitrary<LineChoice> = fc.record({
    product: productNumbers(shape, shape.isRich ? shape.lines : 1),
    amount: amounts(shape),
    /** null: any, home first. */
    at: shape.isRich ? fc.constant(null) : seldom(4, fc.nat({ max: 127 })),
  });
  return {
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
    /** Asks for what the owner holds already, if it holds something, or for one of each more. */
    like: fc.oneof(
      { weight: 6, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constant("held" as const) },
      { weight: 4, arbitrary: fc.constant("one more" as const) },
    ),
    /** null: a standing hold. */
    seconds: fc.constantFrom(60, 1, 2, 900, 86_400, null),
    mode: fc.constantFrom(...RESERVE_MODES),
    isDry: seldom(10, fc.constant(true)),
    adds: seldom(6, fc.constant(true)),
    campaign: seldom(shape.isRich ? 20 : 2, fc.nat({ max: 63 })),
  };
}

/** An owner gets all there is of a product, and then asks for one more: so it keeps what it has. */
export function asksForMore(shape: Shape): fc.Arbitrary<[Plan, Plan]> {
  const owners = fc.nat({ max: shape.shoppers - 1 });
  return fc.tuple(owners, productNumbers(shape)).chain(([owner, product]) => {
    const all: LineChoice = { product, amount: "all", at: null };
    const fixed: Partial<Choices> = {
      shopper: fc.constant(owner),
      lines: fc.constant([all]),
      seconds: fc.constant(60),
      mode: fc.constant("best_effort" as const),
      isDry: fc.constant(null),
      adds: fc.constant(null),
    };
    return fc.tuple(
      reserves(shape, { ...fixed, like: fc.constant(null) }),
      reserves(shape, { ...fixed, like: fc.constant("one more" as const) }),
    );
  });
}

/**
 * Takes all that there is of the products of the hold that expired last: its owner comes too late. Or its own
 * customer does, under another order: as much as a limit leaves it, and then has no more of it left.
 */
export function takesOver(shape: Shape): fc.Arbitrary<Plan> {
  const choices = fc.record({ shopper: fc.nat({ max: shape.shoppers - 1 }), isOwn: fc.boolean() });
  return plans("reserve", choices, (scene, { shopper: index, isOwn }, base) => {
    const last = holdsOf(scene).findLast(
      ({ world, hold }) => reservationOf(world, hold).status === "EXPIRED",
    );
    const other = shopper(index);
    const customerId = isOwn ? (last?.hold.customerId ?? null) : other.customerId;
    const orderId = isOwn ? recorded<OrderId>("another") : other.orderId;
    const owner = ownerOf(customerId, orderId, CART_SCOPE);
    if (!last || last.hold.owner === owner) return null;
    const { partition, products } = last.world;
    const ids = new Set(linesOf(last.hold).map(({ productId }) => productId));
    const lines = Array.from(ids, (productId) => {
      const known = products.get(productId);
      const quantity = unitsOf("all", known ? availableOf(known) : 0);
      return { productId, quantity, location: null };
    });
    const command: ReserveCommand = {
      ...base(`${owner} ${partition}`),
      owner,
      generation: scene.generation(),
      customerId,
      orderId,
      lines,
      holdSeconds: 60,
      mode: "best_effort",
      dryRun: false,
      adds: false,
    };
    return {
      submit: (store) => store.reserve(command),
      decide: (call) => decideReserve(call, command),
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

/** What a hold has, product by product, and so many more of each. */
function linesHeld(hold: Hold, more: number): RequestedLine[] {
  const lines = new Map<string, RequestedLine>();
  for (const { productId, held } of linesOf(hold)) {
    const quantity = held + (lines.get(productId)?.quantity ?? 0);
    // What was added up may be more than one command can ask for.
    if (quantity > 0 && quantity <= QUANTITY_MAX)
      lines.set(productId, { productId, quantity, location: null });
  }
  return Array.from(lines.values(), (line) => {
    return { ...line, quantity: Math.min(line.quantity + more, QUANTITY_MAX) };
  });
}

export function decideReserve(call: Call, command: ReserveCommand): Decision {
  const { world } = call;
  const isBestEffort = command.mode === "best_effort";
  return once(call, command.operation, () => {
    const last = holdOf(world, command.owner);
    if (last && isDue(call, last)) expireHold(call, last);
    if (last && hasConfirmed(last) && !command.adds) {
      const reservation = reservationOf(world, last);
      return decided("confirmed", { kind: "already_confirmed", reservation });
    }
    const unknown = command.lines.find(({ productId }) => !world.products.has(productId));
    if (unknown) {
      return decided("unknown", { kind: "unknown_product", productId: unknown.productId });
    }
    const { lines, holdSeconds, refused: strange, closed } = enter(call, command);
    if (strange) return strange;
    const live = last && isLive(last) ? last : undefined;
    const added = command.adds ? live : undefined;
    const given = command.adds ? undefined : live;
    const { customerId } = command;
    const buyer = { customerId, createdAt: added?.createdAt ?? call.now, addedTo: added };
    const { measured, short, refused } = measure(call, lines, given, buyer);
    const stands = live ? mayStand(live, command, measured) : null;
    if (live && stands) {
      const told = isBestEffort ? short : [];
      if (command.dryRun)
        return decided("possible", { kind: "possible", lines: stands, short: told });
      const reservation = reservationOf(world, live);
      const outcome = { kind: "held", reservation, replayed: false, short: told };
      return done(wordOf("held", told), outcome, { ...outcome, replayed: true });
    }
    if (closed) return closed;
    // What is due may not have been released yet: then nobody is refused.
    if (short.length > 0 && world.swept < nowSecond(call)) return decided("due");
    const isRefused = !isBestEffort || measured.every(({ units }) => units === 0);
    if (short.length > 0 && isRefused) return refused;
    if (command.dryRun) {
      const had = measured.map(({ line: { productId }, units: quantity }) => {
        return { productId, quantity };
      });
      return decided("possible", { kind: "possible", lines: had, short });
    }
    return take(call, { ...command, holdSeconds }, live, measured, short);
  });
}

const wordOf = (word: "reserved" | "held", short: readonly ShortLine[]): string =>
  short.length > 0 ? `${word}_partly` : word;

/**
 * What the owner's live hold has of each line, where it already is what was asked for, or what of it can
 * be had, or has more of a line than could be had now: a repeat never takes away what the first call was
 * given. null: another hold takes its place.
 */
function mayStand(
  live: Hold,
  command: ReserveCommand,
  measured: readonly Measured[],
): readonly LineQuantity[] | null {
  const isStanding = live.dueSecond === null;
  if (command.adds || isStanding !== (command.holdSeconds === null)) return null;
  const held = linesOf(live);
  const owns = measured.map(({ line, units }) => {
    const own = held.filter(({ productId, location }) => {
      const isThere = line.location === null || line.location === location;
      return productId === line.productId && isThere;
    });
    const count = own.reduce((sum, it) => sum + it.held, 0);
    const least = command.mode === "best_effort" ? units : line.quantity;
    const hasMore = command.mode === "best_effort" && count > units;
    return { line, count, hasMore, isEnough: count >= least };
  });
  const all = held.reduce((sum, it) => sum + it.held, 0);
  const isAll = all === owns.reduce((sum, { count }) => sum + count, 0);
  if (!isAll || owns.some(({ line, count }) => count > line.quantity)) return null;
  const isGood = owns.every(({ isEnough }) => isEnough) || owns.some(({ hasMore }) => hasMore);
  if (!isGood) return null;
  return owns.map(({ line: { productId }, count }) => ({ productId, quantity: count }));
}

function take(
  call: Call,
  command: ReserveCommand,
  live: Hold | undefined,
  measured: readonly Measured[],
  short: readonly ShortLine[],
): Decision {
  const { world } = call;
  const { context } = command;
  const added = command.adds ? live : undefined;
  if (live && !added) {
    live.leftAs = "replaced";
    release(call, live, "RELEASE", context);
  }
  const hold = added ?? newHold(call, command);
  for (const line of measured) {
    const product = knownProductOf(world, line.line.productId);
    for (const { location, quantity } of places(product, line)) {
      move(call, { type: "RESERVE", product, location, reserved: quantity, hold, context });
    }
  }
  if (!added) schedule(call, hold);
  const [first] = command.lines;
  const told = command.adds && first ? { stock: stockOf(world, first.productId) } : {};
  const common = { reservation: reservationOf(world, hold), short, ...told };
  const outcome = { kind: "reserved", ...common };
  return done(wordOf("reserved", short), outcome, { kind: "held", ...common, replayed: true });
}

function newHold(call: Call, command: ReserveCommand): Hold {
  const { owner, generation, customerId, orderId, holdSeconds } = command;
  const hold: Hold = {
    owner,
    generation,
    customerId,
    orderId,
    createdAt: call.now,
    dueSecond: holdSeconds === null ? null : dueSecondAfter(call.now, holdSeconds),
    leftAs: "cancelled",
    moves: [],
  };
  call.world.holds.push(hold);
  return hold;
}
