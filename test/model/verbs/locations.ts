/** The registry of locations on the model: what is said of them decides what is taken from them. */
import * as fc from "fast-check";
import type {
  AmendLocationCommand,
  JournaledLocation,
  RegisterLocationCommand,
} from "#inventory/location-ports";
import {
  PRIORITY_MAX,
  type Location,
  type MovementContext,
  type RegisteredLocation,
} from "#inventory/model";
import { decided, done, move, once, type Call, type Decision } from "#model/call";
import { TEXTS } from "#model/names";
import { locationAt, plans, seldom, worldOf } from "#model/plan";
import { seqOf } from "#model/world";

const attributes = {
  name: fc.constantFrom(null, ...TEXTS),
  address: fc.constantFrom(null, ...TEXTS),
  priority: fc.constantFrom(100, 0, 1, 99, 101, PRIORITY_MAX),
  active: fc.oneof(
    { weight: 2, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
};

/** A location is registered once: few keys, or they would hardly meet again. */
const KEYS = 1;

/** The partition that decides for all. */
const FIRST = 0;

export const registrations = () =>
  plans(
    "registerLocation",
    fc.record({ at: fc.nat({ max: 127 }), ...attributes }),
    (scene, { at, ...said }, base) => {
      const location = locationAt(scene, at);
      if (location === undefined) return null;
      const command: RegisterLocationCommand = { ...base(location), ...said, location };
      return {
        submit: (store) => store.registerLocation(command),
        decide: (call) => decideRegister(call, command),
      };
    },
    KEYS,
  );

export const locationAmendments = () =>
  plans(
    "amendLocation",
    fc.record({
      at: fc.nat({ max: 127 }),
      isAny: seldom(6, fc.constant(true)),
      changes: fc
        .record(attributes, { requiredKeys: [] })
        .map((changes) => (Object.keys(changes).length === 0 ? { active: true } : changes)),
      expected: seldom(3, fc.constantFrom("right" as const, "wrong" as const)),
    }),
    (scene, { at, isAny, changes, expected }, base) => {
      const { registry } = worldOf(scene, FIRST);
      const known = [...registry.keys()];
      const location = (isAny === null && known[at % known.length]) || locationAt(scene, at);
      if (location === undefined) return null;
      const version = registry.get(location)?.version ?? 0;
      const command: AmendLocationCommand = {
        ...base(location),
        location,
        changes,
        expectedVersion: expected === null ? null : version + (expected === "wrong" ? 1 : 0),
      };
      return {
        submit: (store) => store.amendLocation(command),
        decide: (call) => decideAmend(call, command),
      };
    },
    KEYS,
  );

/** What callers hear of a location: not the seq of one partition. */
export function told(journaled: JournaledLocation): RegisteredLocation {
  const { location, name, address, priority, active, createdAt, updatedAt, version } = journaled;
  return { location, name, address, priority, active, createdAt, updatedAt, version };
}

function put(
  call: Call,
  location: Location,
  said: Omit<JournaledLocation, "seq" | "version" | "location">,
  context: MovementContext,
  version: number | null = null,
): JournaledLocation {
  move(call, { type: "ATTRIBUTE", product: null, location, context });
  const seq = seqOf(call.world);
  const registered = { ...said, location, version: version ?? seq, seq };
  call.world.registry.set(location, registered);
  call.registered.add(location);
  return registered;
}

function decideRegister(call: Call, command: RegisterLocationCommand): Decision {
  const { location, name, address, priority, active, context } = command;
  return once(call, command.operation, () => {
    const existing = call.world.registry.get(location);
    if (existing) return decided("exists", { kind: "exists", registered: told(existing) });
    const times = { createdAt: call.now, updatedAt: call.now };
    const made = put(call, location, { name, address, priority, active, ...times }, context);
    const outcome = { kind: "registered", registered: told(made), replayed: false };
    return done("registered", outcome, { ...outcome, replayed: true });
  });
}

function decideAmend(call: Call, command: AmendLocationCommand): Decision {
  const { location, changes, expectedVersion, context } = command;
  return once(call, command.operation, () => {
    const known = call.world.registry.get(location);
    if (!known) return decided("unknown", { kind: "unknown_location" });
    if (expectedVersion !== null && expectedVersion !== known.version) {
      const outcome = { kind: "expected_mismatch", registered: told(known) };
      return decided("expected_mismatch", outcome);
    }
    const made = put(call, location, { ...known, ...changes, updatedAt: call.now }, context);
    const outcome = { kind: "amended", registered: told(made), replayed: false };
    return done("amended", outcome, { ...outcome, replayed: true });
  });
}

/** The record that partition 0 decided comes to another partition, unless that has a newer one. */
export function decideCopy(call: Call, outcome: unknown, context: MovementContext): Decision {
  const registered = registeredOf(outcome);
  const known = call.world.registry.get(registered.location);
  if (known && known.version >= registered.version) return decided("current");
  put(call, registered.location, registered, context, registered.version);
  return decided("copied");
}

function registeredOf(outcome: unknown): RegisteredLocation {
  const isTold = (value: unknown): value is { readonly registered: RegisteredLocation } =>
    typeof value === "object" && value !== null && "registered" in value;
  if (!isTold(outcome)) throw new Error("a copy of a record that nobody decided");
  return outcome.registered;
}
