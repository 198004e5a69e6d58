/** adjust on the model: a signed change of one level, which may be new. */
import * as fc from "fast-check";
import { ADJUSTMENT_TYPES, QUANTITY_MAX, STOCK_MAX } from "#inventory/model";
import type { AdjustCommand } from "#inventory/ports";
import { aboveLimit, decided, done, move, once, type Call, type Decision } from "#model/call";
import {
  fullest,
  knownProduct,
  locationAt,
  locationNumbers,
  plans,
  productAt,
  productNumbers,
  seldom,
  type Shape,
} from "#model/plan";
import { homeOf, levelsOf, onHandOf, productOf, type ModelProduct } from "#model/world";

type Delta = number | "to reserved" | "below reserved" | "to the limit" | "over the limit";

const choices = (shape: Shape) =>
  fc.record({
    product: productNumbers(shape),
    /** null: the product's home. */
    at: seldom(2, locationNumbers(shape)),
    delta: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(1, 5, 50, -1, -2, 0) },
      { weight: 1, arbitrary: fc.constantFrom(QUANTITY_MAX, -QUANTITY_MAX) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Delta>(
          "to reserved",
          "below reserved",
          "to the limit",
          "over the limit",
        ),
      },
    ),
    type: fc.constantFrom(...ADJUSTMENT_TYPES, "COUNT" as const),
    expected: seldom(4, fc.constantFrom("right" as const, "wrong" as const)),
    version: seldom(6, fc.constantFrom("right" as const, "wrong" as const)),
  });

export const adjusts = (shape: Shape) => adjustsOf(choices(shape));

/** A restock of the first product at the location of that number: a run begins with many. */
export const restocksAt = (at: number) => restocksOf(0, at);

/** At its home, or where it is said. */
export const restocksOf = (
  product: number,
  at: number | null = null,
  units: fc.Arbitrary<number> = fc.constant(50),
) =>
  adjustsOf(
    fc.record({
      product: fc.constant(product),
      at: fc.constant(at),
      delta: units,
      type: fc.constant("RESTOCK" as const),
      expected: fc.constant(null),
      version: fc.constant(null),
    }),
    MANY_KEYS,
  );

/** Fills the fullest level that there is, as far as one command can; or brings some beside it. */
export const fillings = (where: "there" | "beside it") =>
  plans(
    "adjust",
    fc.record({ at: fc.nat({ max: 3 }) }),
    (scene, { at }, base) => {
      const full = fullest(scene);
      const beside = locationAt(scene, at);
      if (!full || beside === undefined || beside === full.location) return null;
      const { productId } = full.product;
      const isThere = where === "there";
      const command: AdjustCommand = {
        ...base(productId),
        productId,
        location: isThere ? full.location : beside,
        delta: isThere ? unitsOf("to the limit", { onHand: full.onHand, reserved: 0 }) : 50,
        type: "RESTOCK",
        expectedQuantity: null,
        expectedSeq: null,
      };
      return {
        submit: (store) => store.adjust(command),
        decide: (call) => decideAdjust(call, command),
      };
    },
    MANY_KEYS,
  );

/** So many that hardly two are the same. */
const MANY_KEYS = 1_000_000_000;

interface Choice {
  readonly product: number;
  readonly at: number | null;
  readonly delta: Delta;
  readonly type: AdjustCommand["type"];
  readonly expected: "right" | "wrong" | null;
  readonly version: "right" | "wrong" | null;
}

const adjustsOf = (choice: fc.Arbitrary<Choice>, keys?: number) =>
  plans(
    "adjust",
    choice,
    (scene, { product, at, delta, type, expected, version }, base) => {
      const productId = productAt(scene, product);
      const known = knownProduct(scene, productId);
      const location = at === null ? null : (locationAt(scene, at) ?? null);
      const onHand = known ? onHandOf(known) : 0;
      const seq = known?.moves.at(-1)?.seq ?? 0;
      const command: AdjustCommand = {
        ...base(productId),
        productId,
        location,
        delta: unitsOf(delta, known && levelAt(known, location), type),
        type,
        expectedQuantity: expected === null ? null : onHand + (expected === "wrong" ? 1 : 0),
        expectedSeq: version === null ? null : seq + (version === "wrong" ? 1 : 0),
      };
      return {
        submit: (store) => store.adjust(command),
        decide: (call) => decideAdjust(call, command),
      };
    },
    keys,
  );

type Counts = { readonly onHand: number; readonly reserved: number };

const levelAt = (product: ModelProduct, location: AdjustCommand["location"]): Counts =>
  levelsOf(product).get(location ?? homeOf(product)) ?? { onHand: 0, reserved: 0 };

/** Only a count may find nothing, or more than one command moves. */
function unitsOf(
  delta: Delta,
  level: Counts = { onHand: 0, reserved: 0 },
  type: AdjustCommand["type"] = "ADJUSTMENT",
): number {
  const free = level.onHand - level.reserved;
  const words = {
    "to reserved": -free,
    "below reserved": -free - 1,
    "to the limit": STOCK_MAX - level.onHand,
    "over the limit": STOCK_MAX - level.onHand + 1,
  };
  const units = typeof delta === "number" ? delta : words[delta];
  if (type === "COUNT") return Math.min(Math.max(units, -STOCK_MAX), STOCK_MAX) + 0;
  return Math.min(Math.max(units, -QUANTITY_MAX), QUANTITY_MAX) || 1;
}

function decideAdjust(call: Call, command: AdjustCommand): Decision {
  const { delta, expectedQuantity, expectedSeq, type, context } = command;
  return once(call, command.operation, () => {
    const product = call.world.products.get(command.productId);
    if (!product) return decided("unknown", { kind: "unknown_product" });
    const isOther = expectedQuantity !== null && expectedQuantity !== onHandOf(product);
    const before = productOf(product);
    if (isOther || (expectedSeq !== null && expectedSeq !== before.seq)) {
      const outcome = { kind: "expected_mismatch", product: before };
      return decided("expected_mismatch", outcome);
    }
    const location = command.location ?? homeOf(product);
    const levels = levelsOf(product);
    const isNew = !levels.has(location);
    const level = levelAt(product, location);
    if (level.onHand + delta < level.reserved) {
      return decided("below_reserved", { kind: "below_reserved", ...level });
    }
    const above = aboveLimit(product, location, delta);
    if (above) return above;
    if (isNew) call.amended.add(product);
    move(call, { type, product, location, onHand: delta, context });
    const outcome = { kind: "adjusted", product: productOf(product), replayed: false };
    return done("adjusted", outcome, { ...outcome, replayed: true });
  });
}
