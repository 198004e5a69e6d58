/** Plans of campaigns: they are planned, planned anew, stopped, removed, and turned by whoever comes by. */
import * as fc from "fast-check";
import {
  CampaignId,
  type Campaign,
  type CampaignCommand,
  type ScheduleCommand,
} from "#inventory/campaigns";
import { end, erase, write } from "#model/campaigns";
import { decided, done, once, type Call, type Decision } from "#model/call";
import {
  amounts,
  fromEnd,
  locationAt,
  locationNumbers,
  partitionOf,
  plans,
  productAt,
  productNumbers,
  seldom,
  unitsOf,
  worldOf,
  type Amount,
  type BaseOf,
  type Plan,
  type Scene,
  type Shape,
} from "#model/plan";
import { availableOf, type World } from "#model/world";

/** They are stopped and removed once: few keys, or they would hardly meet again. */
const KEYS = 1;

const NOBODY = CampaignId.parse("p0-nobody00");

/** Milliseconds from where the partition's clock was seen last. */
const STARTS = fc.constantFrom<number>(-1, 0, 1_000, 60_000, 900_000);
const LASTS = fc.constantFrom<number>(1, 2_000, 100_000, 90_000_000);

/** One of those that are there, the last ones mostly. */
export function campaignAt(scene: Scene, index: number): [World, Campaign] | null {
  const all = scene.worlds.flatMap((world) =>
    Array.from(world.campaigns.values(), (campaign): [World, Campaign] => [world, campaign]),
  );
  return fromEnd(all, index) ?? null;
}

type Choices = ReturnType<typeof choicesOf>;

const choicesOf = (shape: Shape) => {
  return {
    /** null: a new one. */
    known: seldom(3, fc.nat({ max: 63 })),
    isStrange: seldom(12, fc.constant(true)),
    isPast: seldom(8, fc.constant(true)),
    at: seldom(3, locationNumbers(shape)),
    starts: STARTS,
    lasts: LASTS,
    holdSeconds: seldom(2, fc.constantFrom(1, 2, 60, 900)),
    /** Mostly few: it is to be met. */
    maxPerCustomer: seldom(2, fc.constantFrom(3, 1, 10, 1_000_000_000)),
    /** Says all else of a known one as it is: then its limit changes while it runs. */
    isAsItStands: seldom(2, fc.constant(true)),
    lines: fc.array(fc.record({ product: productNumbers(shape), amount: amounts(shape) }), {
      minLength: 1,
      maxLength: 3,
    }),
  };
};

/** What is given is chosen so, the rest at random. */
export const schedules = (shape: Shape, given: Partial<Choices> = {}): fc.Arbitrary<Plan> =>
  plans("scheduleCampaign", fc.record({ ...choicesOf(shape), ...given }), (scene, choice, base) => {
    const known = choice.known === null ? null : campaignAt(scene, choice.known);
    const [first] = choice.lines;
    const partition = known
      ? known[0].partition
      : partitionOf(scene, productAt(scene, first?.product ?? 0));
    const world = worldOf(scene, partition);
    const location = locationAt(scene, choice.at ?? 0);
    const products = new Map(
      choice.lines
        .map(({ product, amount }) => [productAt(scene, product), amount] as const)
        .filter(([productId]) => partitionOf(scene, productId) === partition),
    );
    if (location === undefined || products.size === 0) return null;
    const startsAt = Math.max(1, world.lastNow + choice.starts - (choice.isPast ? 200_000 : 0));
    const isNew = known === null && choice.isStrange === null;
    const ownId = CampaignId.parse(`p${partition}-${scene.generation()}`);
    const stands = choice.isAsItStands === null ? undefined : known?.[1];
    const command: ScheduleCommand = {
      ...base(isNew ? "new" : (known?.[1].campaignId ?? "")),
      campaignId: known ? known[1].campaignId : ownId,
      isNew: isNew || (known !== null && choice.isStrange !== null),
      name: "a campaign",
      location: stands?.location ?? location,
      startsAt: stands?.startsAt ?? startsAt,
      endsAt: stands?.endsAt ?? startsAt + choice.lasts,
      holdSeconds: stands ? stands.holdSeconds : choice.holdSeconds,
      maxPerCustomer: choice.maxPerCustomer,
      products:
        stands?.products.map(({ productId, quantity }) => ({ productId, quantity })) ??
        Array.from(products, ([productId, amount]) => {
          const there = world.products.get(productId);
          return { productId, quantity: unitsOf(amount, there ? availableOf(there) : 0) };
        }),
    };
    return {
      submit: (store) => store.campaigns.schedule(command),
      decide: (call) => decideSchedule(call, command),
    };
  });

export const stops = (): fc.Arbitrary<Plan> =>
  ends("stopCampaign", (command) => {
    return {
      submit: (store) => store.campaigns.stop(command),
      decide: (call) => decideStop(call, command),
    };
  });

export const removals = (): fc.Arbitrary<Plan> =>
  ends("removeCampaign", (command) => {
    return {
      submit: (store) => store.campaigns.remove(command),
      decide: (call) => decideRemove(call, command),
    };
  });

type Ended = Pick<NonNullable<ReturnType<Plan["prepare"]>>, "submit" | "decide">;

const ends = (verb: string, made: (command: CampaignCommand) => Ended): fc.Arbitrary<Plan> =>
  plans(
    verb,
    fc.record({ at: fc.nat({ max: 63 }), isNobodys: seldom(6, fc.constant(true)) }),
    (scene: Scene, { at, isNobodys }, base: BaseOf) => {
      const found = campaignAt(scene, at);
      if (!found) return null;
      const campaignId = isNobodys === null ? found[1].campaignId : NOBODY;
      return made({ ...base("any"), campaignId });
    },
    KEYS,
  );

/** A new one, of more than there is, whose start has come. */
export const schedulesTooMuch = (shape: Shape): fc.Arbitrary<Plan> => {
  const line = fc.record({
    product: productNumbers(shape),
    amount: fc.constant<Amount>("one more"),
  });
  return schedules(shape, {
    known: fc.constant(null),
    isStrange: fc.constant(null),
    isPast: fc.constant(null),
    starts: fc.constant(0),
    lasts: fc.constant(100_000),
    lines: fc.array(line, { minLength: 1, maxLength: 2 }),
  });
};

/** Does what is due by the store's own clock, which a script has the last word about. */
export const turnings = (): fc.Arbitrary<Plan> =>
  fc.nat({ max: 63 }).map((index) => {
    const told = `turn ${JSON.stringify({ partition: index })}`;
    return {
      verb: "turn",
      toString: () => told,
      prepare: ({ worlds, next }) => {
        return {
          requestId: `q${next()}`,
          told,
          submit: (store) => store.campaigns.turnDue(index % worlds.length),
          decide: null,
          operation: null,
          charge: null,
          otherwise: () => null,
          context: { actor: "test:model" },
          unsent: [undefined],
        };
      },
    };
  });

function decideSchedule(call: Call, command: ScheduleCommand): Decision {
  const { world, now } = call;
  const { isNew, context, operation, deadline: _, ...plan } = command;
  return once(call, operation, () => {
    const known = world.campaigns.get(plan.campaignId);
    const isBegun = known && (isNew || known.state !== "scheduled" || known.startsAt <= now);
    if (isBegun) return changeLimit(call, known, command);
    if (!known && !isNew) return decided("unknown", { kind: "unknown_campaign" });
    if (plan.endsAt <= now) return decided("past");
    const lacking = plan.products.find(({ productId }) => !world.products.has(productId));
    if (lacking) {
      const { productId } = lacking;
      return decided("no_product", { kind: "unknown_product", productId });
    }
    const { campaignId, name, location, startsAt, endsAt, holdSeconds, maxPerCustomer } = plan;
    const campaign = write(
      call,
      {
        campaignId,
        name,
        location,
        startsAt,
        endsAt,
        holdSeconds,
        maxPerCustomer,
        limitSince: null,
        state: "scheduled",
        stoppedAt: null,
        createdAt: known?.createdAt ?? now,
        updatedAt: now,
        products: plan.products.map((line) => ({
          ...line,
          fenced: 0,
        })),
      },
      context,
    );
    return doneWith("scheduled", campaign);
  });
}

/** What is still changed of one that has begun: its limit, while it is not over. */
function changeLimit(call: Call, known: Campaign, command: ScheduleCommand): Decision {
  const { now } = call;
  const { isNew, maxPerCustomer, context, operation: _, deadline: _deadline, ...plan } = command;
  const isOver = known.stoppedAt !== null || known.endsAt <= now || known.state === "closed";
  const { name, location, startsAt, endsAt, holdSeconds } = known;
  const products = known.products.map(({ productId, quantity }) => ({ productId, quantity }));
  const stands = { name, location, startsAt, endsAt, holdSeconds, products };
  const asked = { ...stands, ...plan };
  const isSame = Object.entries(stands).every(
    ([field, value]) =>
      JSON.stringify(value) === JSON.stringify(new Map(Object.entries(asked)).get(field)),
  );
  if (isNew || isOver || !isSame || known.maxPerCustomer === maxPerCustomer) {
    return decided("begun", { kind: "begun", campaign: known });
  }
  const isSetOn = known.maxPerCustomer === null;
  if (isSetOn) call.countsFrom = Math.max(call.countsFrom, now + 1);
  const limitSince = maxPerCustomer === null ? null : isSetOn ? now + 1 : known.limitSince;
  return doneWith("scheduled", write(call, { ...known, maxPerCustomer, limitSince }, context));
}

function decideStop(call: Call, { campaignId, context, operation }: CampaignCommand): Decision {
  return once(call, operation, () => {
    const known = call.world.campaigns.get(campaignId);
    if (!known) return decided("unknown", { kind: "unknown_campaign" });
    if (known.stoppedAt !== null || known.endsAt <= call.now) {
      return decided("over", { kind: "over", campaign: known, replayed: false });
    }
    return doneWith("stopped", end(call, write(call, { ...known, stoppedAt: call.now }, context)));
  });
}

function decideRemove(call: Call, { campaignId, context, operation }: CampaignCommand): Decision {
  return once(call, operation, () => {
    const known = call.world.campaigns.get(campaignId);
    if (!known) return decided("unknown", { kind: "unknown_campaign" });
    const isPlanned = known.state === "scheduled" && known.startsAt > call.now;
    if (!isPlanned && known.state !== "closed") {
      return decided("begun", { kind: "begun", campaign: known });
    }
    erase(call, known, context);
    return doneWith("removed", known);
  });
}

function doneWith(kind: string, campaign: Campaign): Decision {
  const outcome = { kind, campaign, replayed: false };
  return done(kind, outcome, { ...outcome, replayed: true });
}
