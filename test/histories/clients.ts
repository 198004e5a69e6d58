/**
 * Clients that do at random what shops do, all with the same few products and orders, so that they
 * meet. Each does one thing after the other; what it does is drawn from the seed of its history.
 */
import type { Request } from "#test/caller";
import type { Random } from "#test/random";
import type { Attempt, Heard, Part, Recorder } from "./recorder";
import { LIFE_SECONDS_MAX } from "./state";
import type { Command } from "./operations";

export interface World {
  readonly recorder: Recorder;
  /** Of the processes that answer, each behind its line. */
  readonly urls: readonly string[];
  readonly token: string;
  /** Every key of this history begins with it. */
  readonly name: string;
  readonly productIds: readonly string[];
  /** Product → the campaign that has units of it aside. */
  readonly campaigns: ReadonlyMap<string, string>;
  /** Holds that somebody has heard of: whoever knows one may end it. */
  readonly holds: KnownHold[];
  /** Lets Redis's clock jump: to that moment, or by some seconds. */
  readonly jump: (to: number | null) => void;
}

export interface KnownHold {
  readonly holdId: string;
  readonly orderId: string;
  readonly productIds: readonly string[];
  readonly due: number;
}

/** How often in comparison. */
const ACTIONS = {
  reserve: 26,
  reserveCart: 6,
  confirm: 8,
  cancel: 9,
  extend: 5,
  reassign: 5,
  lookup: 4,
  sell: 8,
  adjust: 8,
  adjustMany: 3,
  endMany: 4,
  read: 16,
  check: 6,
  jump: 2,
} as const;
type Action = keyof typeof ACTIONS;

const ORDERS = 4;
const CARTS = 2;
const UNITS_MAX = 3;
const LIFE_MINUTES = 1;
const LIFE_MINUTES_MAX = LIFE_SECONDS_MAX / 60;
/** How often a reserve of a product names the campaign that there is of it. */
const OF_CAMPAIGN = 0.5;
const KEYED = 0.6;
/** Of what has an identity: asked twice at once, as by a double click. */
const TWICE = 0.08;
const REPEATED = 0.75;
const REPEATS_MAX = 3;
/** Before a hold is due, at most, when the clock jumps to it. */
const JUST_BEFORE_MS_MAX = 250;

export async function runClient(
  world: World,
  random: Random,
  client: string,
  steps: number,
): Promise<void> {
  const session = new Session(world, random, client);
  for (let step = 0; step < steps; step += 1) {
    await session.act(random.weighed<Action>(ACTIONS, "read"));
  }
}

type Asked = Omit<Attempt, "client">;

class Session {
  readonly #world: World;
  readonly #random: Random;
  readonly #client: string;
  #keys = 0;
  #api: number;

  constructor(world: World, random: Random, client: string) {
    this.#world = world;
    this.#random = random;
    this.#client = client;
    this.#api = random.whole(0, world.urls.length);
  }

  async act(action: Action): Promise<void> {
    const { holds, jump } = this.#world;
    const random = this.#random;
    const hold = holds.length === 0 ? null : random.pick(holds);
    if (action === "jump") return jump(hold && hold.due - random.whole(0, JUST_BEFORE_MS_MAX));
    const asked = this.#asked(action, hold);
    const isNamed = asked.request.key !== undefined;
    if (isNamed && random.next() < TWICE) await Promise.all([this.#send(asked), this.#send(asked)]);
    else await this.#sendAgain(asked);
  }

  /** What has an identity is asked again while nobody knows what came of it. */
  async #sendAgain(asked: Asked): Promise<void> {
    const repeats = asked.request.key === undefined ? 0 : REPEATS_MAX;
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      if (await this.#send(asked)) return;
      if (this.#random.next() > REPEATED) return;
    }
  }

  async #send(asked: Asked): Promise<boolean> {
    const { urls, recorder } = this.#world;
    const url = urls[this.#api % urls.length] ?? "";
    const heard = await recorder.send(url, { ...asked, client: this.#client });
    // Whoever hears nothing asks another process next.
    if (heard === null) this.#api += 1;
    for (const one of heard ?? []) this.#learn(one, asked.parts);
    return heard !== null;
  }

  #learn({ answer, orderId, item }: Heard, parts: readonly Part[]): void {
    if (answer.kind !== "hold" || orderId === null) return;
    const { holdId, due } = answer;
    const productIds = parts.filter((part) => part.item === item).map((part) => part.productId);
    const at = this.#world.holds.findIndex((one) => one.holdId === holdId);
    if (at >= 0) this.#world.holds.splice(at, 1);
    this.#world.holds.push({ holdId, orderId, productIds, due });
  }

  #asked(action: Exclude<Action, "jump">, hold: KnownHold | null): Asked {
    switch (action) {
      case "reserve":
        return this.#reserve();
      case "reserveCart":
        return this.#reserveCart();
      case "confirm":
      case "cancel":
        return hold === null ? this.#reserve() : this.#end(action, hold);
      case "extend":
        return hold === null ? this.#reserve() : this.#extend(hold);
      case "reassign":
        return hold === null || hold.productIds.length > 1 ? this.#reserve() : this.#reassign(hold);
      case "endMany":
        return hold === null ? this.#reserve() : this.#endMany(hold);
      case "lookup":
        return hold === null ? this.#reserve() : this.#lookup(hold);
      case "sell":
        return this.#change("sell", "POST", this.#random.whole(1, UNITS_MAX));
      case "adjust":
        return this.#change("adjust", "PATCH", this.#delta());
      case "adjustMany":
        return this.#adjustMany();
      case "read":
        return this.#read();
      case "check":
        return this.#check();
    }
  }

  #reserve(): Asked {
    const productId = this.#product();
    const orderId = this.#order();
    const units = this.#random.whole(1, UNITS_MAX + 1);
    const path = `/product/${productId}/reserve`;
    const known = this.#world.campaigns.get(productId);
    const campaign = known !== undefined && this.#random.next() < OF_CAMPAIGN ? known : undefined;
    const customer = customerOf(orderId);
    const whose = { orderId, customerId: customer, quantity: units };
    const more = campaign === undefined ? {} : { campaign };
    const body = { ...whose, expirationMinutes: LIFE_MINUTES, ...more };
    const isOfCampaign = campaign !== undefined;
    const command = { owner: orderId, customer, units, isCart: false, isOfCampaign };
    return this.#changing("POST", path, body, [reserving(productId, orderId, command)]);
  }

  /** The lines of a cart are always the same, so that none of it is replaced without the others. */
  #reserveCart(): Asked {
    const number = this.#random.whole(0, CARTS);
    const orderId = `${this.#world.name}-cart-${number}`;
    const productIds = this.#world.productIds.filter((_, i) => i !== number);
    const items = productIds.map((productId, i) => ({
      productId,
      quantity: 1 + ((i + number) % 2),
    }));
    const body = { orderId, items, expirationMinutes: LIFE_MINUTES };
    const parts = items.map(({ productId, quantity: units }) =>
      reserving(productId, orderId, { owner: orderId, units, isCart: true }),
    );
    return this.#changing("POST", "/reservations", body, parts);
  }

  #end(verb: "confirm" | "cancel", hold: KnownHold): Asked {
    const path = `/reservation/${hold.holdId}/${verb}`;
    return this.#changing("POST", path, {}, partsOf(hold, { verb, holdId: hold.holdId }));
  }

  #extend(hold: KnownHold): Asked {
    const { holdId } = hold;
    const minutes = this.#random.whole(1, LIFE_MINUTES_MAX + 1);
    const parts = partsOf(hold, { verb: "extend", holdId, seconds: minutes * 60 });
    return this.#changing("POST", `/reservation/${holdId}/extend`, { minutes }, parts);
  }

  /** No cart: two of them differ in their products, and a product is looked at by itself. */
  #reassign({ holdId, productIds }: KnownHold): Asked {
    const orderId = this.#order();
    const customer = customerOf(orderId);
    const command: Command = { verb: "reassign", holdId, owner: orderId, customer };
    const body = { orderId, customerId: customer };
    const parts = productIds.map((productId) => ({ productId, orderId, item: null, command }));
    return this.#changing("POST", `/reservation/${holdId}/owner`, body, parts);
  }

  /** Two holds by one call, where two are known. */
  #endMany(hold: KnownHold): Asked {
    const verb = this.#random.pick(["confirm", "cancel"] as const);
    const chosen = [...new Set([hold, this.#random.pick(this.#world.holds)])];
    const body = { items: chosen.map(({ holdId: reservationId }) => ({ reservationId })) };
    const parts = chosen.flatMap((one, item) => partsOf(one, { verb, holdId: one.holdId }, item));
    return this.#changing("POST", `/bulk/${verb}`, body, parts);
  }

  #change(verb: "sell" | "adjust", method: "POST" | "PATCH", units: number): Asked {
    const productId = this.#product();
    const [word, body] =
      verb === "sell" ? ["sell", { quantity: units }] : ["stock", adjustment(units)];
    const part = { productId, orderId: null, item: null, command: { verb, units } } as const;
    return this.#changing(method, `/product/${productId}/${word}`, body, [part]);
  }

  #adjustMany(): Asked {
    const items = this.#random
      .shuffled(this.#world.productIds)
      .map((productId) => ({ productId, units: this.#delta() }));
    const parts = items.map(({ productId, units }, item): Part => {
      return { productId, orderId: null, item, command: { verb: "adjust", units } };
    });
    const body = {
      items: items.map(({ productId, units }) => ({ productId, ...adjustment(units) })),
    };
    return this.#changing("POST", "/bulk/adjust", body, parts);
  }

  #lookup(hold: KnownHold): Asked {
    const { holdId } = hold;
    const request = {
      method: "GET",
      path: `/reservation/${holdId}`,
      token: this.#world.token,
    } as const;
    return { request, parts: partsOf(hold, { verb: "lookup", holdId }) };
  }

  #read(): Asked {
    const productId = this.#product();
    const request = {
      method: "GET",
      path: `/product/${productId}`,
      token: this.#world.token,
    } as const;
    return {
      request,
      parts: [{ productId, orderId: null, item: null, command: { verb: "read" } }],
    };
  }

  #check(): Asked {
    const { productIds, token } = this.#world;
    const body = { items: productIds.map((productId) => ({ productId, quantity: 1 })) };
    const request = { method: "POST", path: "/check-availability", token, body } as const;
    const parts = productIds.map((productId): Part => {
      return { productId, orderId: null, item: null, command: { verb: "check" } };
    });
    return { request, parts };
  }

  #changing(method: Request["method"], path: string, body: object, parts: readonly Part[]): Asked {
    const { token, name } = this.#world;
    const isNamed = this.#random.next() < KEYED;
    this.#keys += 1;
    const key = isNamed ? { key: `${name}-${this.#client}-${this.#keys}` } : {};
    return { request: { method, path, token, body, ...key }, parts };
  }

  #order(): string {
    return `${this.#world.name}-order-${this.#random.whole(0, ORDERS)}`;
  }

  #product(): string {
    return this.#random.pick(this.#world.productIds);
  }

  #delta(): number {
    return this.#random.pick([-2, -1, 1, 2]);
  }
}

/** Two customers, with two orders each; who has a cart is nobody. */
const customerOf = (orderId: string): string => `buyer-${Number(orderId.at(-1)) % 2}`;

const adjustment = (quantity: number) => {
  return { quantity, type: quantity > 0 ? "RESTOCK" : "ADJUSTMENT" };
};

function reserving(
  productId: string,
  orderId: string,
  more: Omit<Extract<Command, { readonly verb: "reserve" }>, "verb" | "seconds">,
): Part {
  const command: Command = { verb: "reserve", seconds: LIFE_MINUTES * 60, ...more };
  return { productId, orderId, item: null, command };
}

const partsOf = (
  { productIds, orderId }: KnownHold,
  command: Command,
  item: number | null = null,
): Part[] => productIds.map((productId) => ({ productId, orderId, item, command }));
