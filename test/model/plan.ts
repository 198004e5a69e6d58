/** Commands before they are made: what a generator chose, told so that it can be read and shrunk. */
import * as fc from "fast-check";
import { campaignAt, QUANTITY_MAX, type MovementContext, type ProductId } from "#inventory/model";
import type { CommandBase, Operation, StockStore } from "#inventory/ports";
import { Charge } from "#inventory/rates";
import type { Waitlist } from "#inventory/waitlist-ports";
import type { Call, Decision } from "#model/call";
import { locations, productIds, TEXTS } from "#model/names";
import { levelsOf, type Hold, type ModelProduct, type World } from "#model/world";
import { operation, soon } from "#test/store";

/** How large a run's world is, and what is strange about it. */
export interface Shape {
  readonly name: string;
  readonly products: number;
  readonly locations: number;
  readonly shoppers: number;
  /** Lines of a cart, at most. */
  readonly lines: number;
  /** Commands of one turn, at most. */
  readonly burst: number;
  /** Whether the clock of the scripts goes on by itself; else it moves only when it is moved. */
  readonly isClockRunning: boolean;
  /** Whether stock is plenty and carts are large: for what a call does at its limits. */
  readonly isRich: boolean;
  readonly journalEntriesMax: number;
}

/** One for each partition. */
interface Worlds {
  readonly worlds: readonly World[];
}

/** What a command is made from: the model as it stands before the step. */
export interface Scene extends Worlds {
  readonly shape: Shape;
  /** SKU → the product that claims it. */
  readonly claims: ReadonlyMap<string, string>;
  /** The next number that nothing of this run bears yet. */
  readonly next: () => number;
  /** A generation that no hold had. */
  readonly generation: () => string;
  /** Earlier commands of the run that had an Idempotency-Key. */
  readonly keyed: readonly Attempt[];
  /** Commands that the step has in all, and the SKUs that earlier ones of it claim. */
  readonly step: { readonly size: number; readonly skus: Map<string, string> };
}

/** A command that is about to be sent. */
export interface Attempt {
  /** Names it in the lines of batches. */
  readonly requestId: string;
  readonly told: string;
  readonly submit: (store: StockStore, waitlist: Waitlist) => Promise<unknown>;
  /** What the script must decide when its item comes up; null: no script may see it. */
  readonly decide: ((call: Call) => Decision) | null;
  readonly operation: Operation | null;
  readonly context: MovementContext;
  readonly charge: Charge | null;
  /** What may be answered while no script has seen it. */
  readonly unsent: readonly unknown[];
  /** The same choice made anew, with another body under the Idempotency-Key that it had. */
  readonly otherwise: (scene: Scene) => Attempt | null;
}

/** One choice of a generator. `prepare` answers null where the scene has no place for it. */
export interface Plan {
  readonly verb: string;
  readonly prepare: (scene: Scene) => Attempt | null;
  /** For the counterexample. */
  readonly toString: () => string;
}

/** Any, and as often one of the last: where there are many, only those are new to a product. */
export const locationNumbers = ({ locations: count }: Shape): fc.Arbitrary<number> =>
  fc.oneof(
    fc.nat({ max: count - 1 }),
    fc.nat({ max: Math.min(6, count - 1) }).map((back) => count - 1 - back),
  );

/** Beyond the time of any run. */
const DEADLINE_MS = 120_000;

type Prepared = Pick<Attempt, "submit" | "decide"> & { readonly unsent?: readonly unknown[] };

/** null, but once in so many times. */
export const seldom = <Value>(
  times: number,
  value: fc.Arbitrary<Value>,
): fc.Arbitrary<Value | null> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });

/** Choices every command has; of few keys, so that they meet again. */
const common = (keys: number) =>
  fc.record({
    text: fc.nat({ max: TEXTS.length }),
    /** null: without an Idempotency-Key. */
    key: seldom(2, fc.record({ key: fc.nat({ max: keys - 1 }), body: fc.nat({ max: 1 }) })),
    /** null: nobody is charged for it. */
    charged: seldom(6, fc.nat({ max: 2 })),
  });

/**
 * Plans of a verb from its own choices. What `base` is given names whose Idempotency-Keys they
 * are, as a route has its own.
 */
export function plans<Choice extends object>(
  verb: string,
  choices: fc.Arbitrary<Choice>,
  prepare: (scene: Scene, choice: Choice, base: BaseOf) => Prepared | null,
  keys = 2,
): fc.Arbitrary<Plan> {
  return fc.tuple(choices, common(keys)).map(([choice, { text, key, charged }]) => {
    const told = `${verb} ${JSON.stringify({ ...choice, text, key, charged })}`;
    const made = (scene: Scene, given: Operation | null): Attempt | null => {
      const requestId = `q${scene.next()}`;
      const context = contextOf(requestId, text);
      const charge = charged !== null && CHARGED.has(verb) ? chargeOf(charged) : null;
      let used = given;
      const base: BaseOf = (keyed) => {
        const name = `${verb} ${keyed} ${key?.key}`;
        used ??= key === null ? null : operation(name, `body ${key.body}`);
        return {
          context,
          operation: used,
          deadline: soon(DEADLINE_MS),
          ...(charge === null ? {} : { charge }),
        };
      };
      const prepared = prepare(scene, choice, base);
      if (prepared === null) return null;
      const otherwise = (later: Scene): Attempt | null =>
        used && made(later, { ...operation("", `other body ${later.next()}`), key: used.key });
      const sent = { operation: used, context, charge, otherwise };
      return { requestId, told, unsent: [], ...prepared, ...sent };
    };
    return { verb, toString: () => told, prepare: (scene) => made(scene, null) };
  });
}

/** Verbs whose commands take a request's share of quotas along. */
const CHARGED: ReadonlySet<string> = new Set([
  "reserve",
  "confirm",
  "cancel",
  "extend",
  "reassign",
  "join",
  "leave",
]);

/** Long, so that time of the run alone brings nothing back. */
export const QUOTA = { name: "customer", requests: 2, seconds: 7_200 } as const;

const chargeOf = (who: number): Charge => new Charge([{ quota: QUOTA, identity: `c${who}` }]);

/** Makes the part that every command has; `keyed` is what an Idempotency-Key counts within. */
export type BaseOf = (keyed: string) => CommandBase;

function contextOf(requestId: string, text: number): MovementContext {
  const reason = TEXTS[text];
  const reference = TEXTS[TEXTS.length - text];
  return {
    actor: "test:model",
    ...(reason === undefined ? {} : { reason }),
    ...(reference === undefined ? {} : { reference }),
    requestId,
  };
}

/** Units that somebody asks for: a number, or a word that is about what is there. */
export type Amount = number | "all" | "all but one" | "one more";
const few = fc.constantFrom<Amount>(1, 2, 3);
const any = fc.oneof(
  { weight: 6, arbitrary: few },
  { weight: 1, arbitrary: fc.constantFrom<Amount>(10, QUANTITY_MAX, QUANTITY_MAX - 1) },
  { weight: 4, arbitrary: fc.constantFrom<Amount>("all", "all but one", "one more") },
);
export const amounts = (shape: Shape): fc.Arbitrary<Amount> => (shape.isRich ? few : any);

/**
 * Numbers of products: now and then one that most runs never make. Of many lines one is enough to have the
 * whole cart refused: of `lines` together it is named about as often as of one.
 */
export const productNumbers = (shape: Shape, lines = 1): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 12 * lines, arbitrary: fc.nat({ max: shape.products - 2 }) },
    { weight: 1, arbitrary: fc.constant(shape.products - 1) },
  );

/** In units, within what one operation may move. */
export function unitsOf(amount: Amount, there: number): number {
  const plus = { all: 0, "all but one": -1, "one more": 1 };
  const units = typeof amount === "number" ? amount : there + plus[amount];
  return Math.min(Math.max(units, 1), QUANTITY_MAX);
}

/** An index into a list whatever its length; small numbers are its last ones. */
export const fromEnd = <Item>(list: readonly Item[], index: number): Item | undefined =>
  list[list.length - 1 - (index % list.length)];

export const partitionOf = (scene: Worlds, productId: string): number =>
  scene.worlds.length === 1 ? 0 : Bun.hash.crc32(productId) % scene.worlds.length;

export function worldOf(scene: Worlds, partition: number): World {
  const world = scene.worlds[partition];
  if (!world) throw new Error(`the model has no partition ${partition}`);
  return world;
}

export const worldOfProduct = (scene: Scene, productId: string): World =>
  worldOf(scene, partitionOf(scene, productId));

/** The product of that number, whether it was made or not. */
export function productAt(scene: Scene, index: number): ProductId {
  const ids = productIds(scene.shape.products);
  const id = ids[index % ids.length];
  if (id === undefined) throw new Error("a shape without products");
  return id;
}

export const knownProduct = (scene: Scene, productId: ProductId): ModelProduct | undefined =>
  worldOfProduct(scene, productId).products.get(productId);

export const locationAt = (scene: Scene, index: number) =>
  locations(scene.shape.locations)[index % scene.shape.locations];

/** The level with most units of all. */
export function fullest({ worlds }: Worlds) {
  const all = worlds.flatMap(({ products }) =>
    [...products.values()].flatMap((product) =>
      Array.from(levelsOf(product), ([location, { onHand }]) => ({ product, location, onHand })),
    ),
  );
  const named = all.filter(({ location }) => campaignAt(location) === null);
  return named.toSorted((one, other) => other.onHand - one.onHand)[0];
}

/** All holds of the scene, oldest first within each partition. */
export const holdsOf = (scene: Worlds): readonly { world: World; hold: Hold }[] =>
  scene.worlds.flatMap((world) => world.holds.map((hold) => ({ world, hold })));
