/** Limits with a name on the model: what is said of them decides what customers may take. */
import { encodeLimit } from "#redis/limit-record";
import * as fc from "fast-check";
import type {
  LimitTerms,
  NamedLimit,
  PutLimitCommand,
  RemoveLimitCommand,
} from "#inventory/limit-ports";
import type { Location, MovementContext } from "#inventory/model";
import { recorded } from "#redis/recorded";
import { decided, done, move, once, type Call, type Decision } from "#model/call";
import {
  fromEnd,
  partitionOf,
  plans,
  productAt,
  seldom,
  worldOf,
  type Scene,
  type Shape,
} from "#model/plan";
import { seqOf } from "#model/world";

/** Few keys, or they would hardly meet again. */
const KEYS = 1;
/** A record is of no place. */
const NOWHERE = recorded<Location>("");
/** As few limits: they are to be met. */
const IDS = 3;

const choices = (shape: Shape) =>
  fc.record({
    id: fc.nat({ max: IDS - 1 }),
    /** null: all of them. */
    products: seldom(
      3,
      fc.array(fc.nat({ max: shape.products - 1 }), { minLength: 1, maxLength: 4 }),
    ),
    /** Now and then one is put as it stands, which changes nothing. */
    isAsItStands: seldom(3, fc.constant(true)),
    maxUnits: fc.constantFrom(1_000_000_000, 3, 10, 1_000),
    terms: fc.constantFrom(
      { windowHours: null, counts: "taken", maxHolds: null } as const,
      { windowHours: 1, counts: "taken", maxHolds: null } as const,
      { windowHours: 24, counts: "taken", maxHolds: null } as const,
      { windowHours: null, counts: "held", maxHolds: null } as const,
      { windowHours: null, counts: "held", maxHolds: 1 } as const,
      { windowHours: null, counts: "held", maxHolds: 3 } as const,
    ),
    expected: seldom(4, fc.constantFrom("right" as const, "wrong" as const)),
  });

/** With several partitions each has ids of its own: none is ever in another one than its products. */
const idOf = (id: number, partition: number): string => `limit-${id}-${partition}`;

const versionOf = (scene: Scene, partition: number, id: string): number =>
  worldOf(scene, partition).limits.get(id)?.version ?? 0;

/** One of those that stand, the last ones mostly. */
function limitAt({ worlds }: Scene, index: number) {
  const all = worlds.flatMap(({ limits, partition }) =>
    Array.from(limits, ([limitId, limit]) => ({ limitId, limit, partition })),
  );
  return fromEnd(all, index) ?? null;
}

export const limitPuts = (shape: Shape) =>
  plans(
    "putLimit",
    choices(shape),
    (scene, { id, products, maxUnits, terms, expected, isAsItStands }, base) => {
      const standing = isAsItStands === true ? limitAt(scene, id) : null;
      const ids = products?.map((number) => productAt(scene, number)) ?? null;
      const partitions = new Set(ids?.map((it) => partitionOf(scene, it)) ?? [0]);
      const { partition } = standing ?? { partition: [...partitions][0] ?? 0 };
      const limitId = standing?.limitId ?? idOf(id, partition);
      const right = versionOf(scene, partition, limitId);
      const drawn = {
        ...terms,
        products: ids === null ? ("all" as const) : [...new Set(ids)].toSorted(),
        maxUnits,
      };
      const { products: over, ...bounds } = standing?.limit ?? drawn;
      const command: PutLimitCommand = {
        ...base(limitId),
        windowHours: bounds.windowHours,
        counts: bounds.counts,
        maxHolds: bounds.maxHolds,
        limitId,
        products: over,
        maxUnits: bounds.maxUnits,
        expectedVersion: expected === null ? null : right + (expected === "wrong" ? 1 : 0),
      };
      const spans = !standing && (partitions.size > 1 || (ids === null && scene.worlds.length > 1));
      return {
        submit: (store) => store.putLimit(command),
        decide: spans ? null : (call) => decidePut(call, command),
        unsent: spans ? [{ kind: "spans_partitions" }] : [],
      };
    },
    KEYS,
  );

export const limitRemovals = () =>
  plans(
    "removeLimit",
    fc.record({
      id: fc.nat({ max: IDS - 1 }),
      /** null: one that there is, the last ones mostly. */
      isAny: seldom(6, fc.constant(true)),
      expected: fc.constantFrom("right" as const, "wrong" as const, null, null),
    }),
    (scene, { id, isAny, expected }, base) => {
      const own = id % scene.worlds.length;
      const found = isAny === null ? limitAt(scene, id) : null;
      const { limitId, partition } = found ?? { limitId: idOf(id, own), partition: own };
      const right = versionOf(scene, partition, limitId);
      const command: RemoveLimitCommand = {
        ...base(limitId),
        limitId,
        expectedVersion: expected === null ? null : right + (expected === "wrong" ? 1 : 0),
      };
      return {
        submit: (store) => store.removeLimit(command),
        decide: (call) => decideRemove(call, command),
      };
    },
    KEYS,
  );

/** The movement that says so, and what the journal has of it. */
function keep(call: Call, limitId: string, limit: NamedLimit | null, context: MovementContext) {
  const { limits } = call.world;
  move(call, { type: "RECORD", product: null, location: NOWHERE, context });
  // What is put is asked after those that were put before it.
  limits.delete(limitId);
  if (limit) limits.set(limitId, limit);
  const text = limit && encodeLimit(limit);
  const kept = { kind: "limit", id: limitId, text, seq: seqOf(call.world) } as const;
  call.records.set(`limit/${limitId}`, () => kept);
}

const nameOf = ({ products, windowHours, counts, maxHolds }: LimitTerms): string =>
  JSON.stringify([products, windowHours, counts, maxHolds === null]);

function decidePut(call: Call, command: PutLimitCommand): Decision {
  const { limitId, products, maxUnits, windowHours, counts, maxHolds, context } = command;
  return once(call, command.operation, () => {
    const before = call.world.limits.get(limitId);
    const { expectedVersion } = command;
    if (expectedVersion !== null && !before) return decided("unknown", { kind: "unknown_limit" });
    if (before && expectedVersion !== null && before.version !== expectedVersion) {
      return decided("expected_mismatch", { kind: "expected_mismatch", limit: before });
    }
    const goesOn = before !== undefined && nameOf(before) === nameOf(command);
    if (goesOn && before.maxUnits === maxUnits && before.maxHolds === maxHolds) {
      const outcome = { kind: "kept", limit: before, replayed: false };
      return done("kept", outcome, { ...outcome, replayed: true });
    }
    const unknown =
      products === "all" ? undefined : products.find((id) => !call.world.products.has(id));
    if (unknown !== undefined) {
      return decided("unknown_product", { kind: "unknown_product", productId: unknown });
    }
    const limit: NamedLimit = {
      limitId,
      products,
      maxUnits,
      windowHours,
      counts,
      maxHolds,
      since: goesOn ? before.since : call.now + 1,
      createdAt: before?.createdAt ?? call.now,
      updatedAt: call.now,
      version: seqOf(call.world) + 1,
    };
    // What was made in this very millisecond came before it.
    if (!goesOn) call.countsFrom = call.now + 1;
    keep(call, limitId, limit, context);
    const kind = before ? "put" : "made";
    const outcome = { kind, limit, replayed: false };
    return done(kind, outcome, { ...outcome, replayed: true });
  });
}

function decideRemove(call: Call, command: RemoveLimitCommand): Decision {
  const { limitId, expectedVersion, context } = command;
  return once(call, command.operation, () => {
    const before = call.world.limits.get(limitId);
    if (!before) return decided("unknown", { kind: "unknown_limit" });
    if (expectedVersion !== null && before.version !== expectedVersion) {
      return decided("expected_mismatch", { kind: "expected_mismatch", limit: before });
    }
    keep(call, limitId, null, context);
    const outcome = { kind: "removed", limit: before, replayed: false };
    return done("removed", outcome, { ...outcome, replayed: true });
  });
}
