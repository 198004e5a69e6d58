/** count on the model: what a level has becomes what somebody found there. */
import * as fc from "fast-check";
import { campaignAt, STOCK_MAX } from "#inventory/model";
import type { CountCommand } from "#inventory/ports";
import { aboveLimit, decided, done, move, once, type Call, type Decision } from "#model/call";
import {
  knownProduct,
  locationAt,
  locationNumbers,
  plans,
  productAt,
  productNumbers,
  seldom,
  type Shape,
} from "#model/plan";
import { homeOf, levelsOf, productOf, type ModelProduct } from "#model/world";

const NONE = { onHand: 0, reserved: 0 } as const;

/** What was found: so many units, what is known and so many more, or just what is held, or less. */
type Found = number | "as known" | "one more" | "one less" | "as held" | "one less than held";

const choices = (shape: Shape) =>
  fc.record({
    product: productNumbers(shape),
    /** null: the product's home. */
    at: seldom(2, locationNumbers(shape)),
    found: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<Found>("as known", "one more", "one less") },
      { weight: 3, arbitrary: fc.constantFrom<Found>("as held", "one less than held") },
      { weight: 3, arbitrary: fc.constantFrom<Found>(0, 1, 50, STOCK_MAX) },
    ),
  });

export const counts = (shape: Shape) => countsOf(choices(shape));

/** Of the first product at the location of that number, be it one too many. */
export const countsAt = (at: number) =>
  countsOf(
    fc.record({
      product: fc.constant(0),
      at: fc.constant(at),
      found: fc.constant<Found>(1),
    }),
  );

const countsOf = (chosen: ReturnType<typeof choices>) =>
  plans(
    "count",
    chosen,
    (scene, { product, at, found }, base) => {
      const productId = productAt(scene, product);
      const known = knownProduct(scene, productId);
      const there = at === null ? null : (locationAt(scene, at) ?? null);
      const isOfHeld = found === "as held" || found === "one less than held";
      const location = isOfHeld && known ? whereHeld(known) : there;
      const command: CountCommand = {
        ...base(productId),
        productId,
        location,
        quantity: unitsOf(found, levelAt(known, location)),
      };
      return {
        submit: (store) => store.count(command),
        decide: (call) => decideCount(call, command),
      };
    },
    2,
  );

/** What campaigns have there: who counts the location counts it too. */
const asideAt = (levels: ReturnType<typeof levelsOf>, location: string): number =>
  [...levels].reduce(
    (sum, [name, { onHand }]) => (name.startsWith(`${location}~`) ? sum + onHand : sum),
    0,
  );

/** Where the product has most units held. */
function whereHeld(product: ModelProduct): CountCommand["location"] {
  const own = [...levelsOf(product)].filter(([location]) => campaignAt(location) === null);
  const levels = own.toSorted(([, one], [, other]) => {
    return other.reserved - one.reserved;
  });
  return levels[0]?.[0] ?? null;
}

const levelAt = (product: ModelProduct | undefined, location: CountCommand["location"]) =>
  (product && levelsOf(product).get(location ?? homeOf(product))) ?? NONE;

function unitsOf(found: Found, { onHand, reserved }: ReturnType<typeof levelAt>): number {
  const words = {
    "as known": onHand,
    "one more": onHand + 1,
    "one less": onHand - 1,
    "as held": reserved,
    "one less than held": reserved - 1,
  };
  const units = typeof found === "number" ? found : words[found];
  return Math.min(Math.max(units, 0), STOCK_MAX);
}

function decideCount(call: Call, command: CountCommand): Decision {
  const { quantity, context } = command;
  return once(call, command.operation, () => {
    const product = call.world.products.get(command.productId);
    if (!product) return decided("unknown", { kind: "unknown_product" });
    const location = command.location ?? homeOf(product);
    const levels = levelsOf(product);
    const isNew = !levels.has(location);
    const level = levelAt(product, location);
    const units = quantity - asideAt(levels, location);
    if (units < level.reserved) {
      return decided("below_reserved", { kind: "below_reserved", ...level });
    }
    const above = aboveLimit(product, location, units - level.onHand);
    if (above) return above;
    if (isNew) call.amended.add(product);
    const onHand = units - level.onHand;
    move(call, { type: "COUNT", product, location, onHand, context });
    const outcome = { kind: "counted", product: productOf(product), replayed: false };
    return done("counted", outcome, { ...outcome, replayed: true });
  });
}
