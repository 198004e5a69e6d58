/** What the callers of one run do, one thing after another each. */
import { OrderId, type ProductId, type Reservation } from "#inventory/model";
import { pause, perform, type Asked, type Asking } from "./callers.ts";
import { HOLD_SECONDS_MAX } from "./plan.ts";
import {
  buy,
  change,
  cleanUp,
  giveBack,
  handOver,
  hold,
  look,
  make,
  move,
  productId,
  prolong,
  sale,
} from "./verbs.ts";
import type { World } from "./world.ts";

const STEPS = {
  reserve: 5,
  confirm: 4,
  cancel: 2,
  extend: 1,
  reassign: 1,
  sell: 3,
  adjust: 4,
  transfer: 0.5,
  read: 1.5,
  expire: 0.5,
} as const;
/** Of what most do: their commands meet in the queue of one verb. */
const FASHION_WEIGHT = 40;
type Step = keyof typeof STEPS;

const THINK_MS_MAX = 700;
const HASTE_MS_MAX = 2;

export class Workload {
  readonly asked: Asked[] = [];
  readonly #world: World;
  #next = 0;
  /** Callers that have not finished. */
  busy = 0;

  constructor(world: World) {
    this.#world = world;
    this.busy += 1;
    void this.#begin().finally(() => (this.busy -= 1));
  }

  async #begin(): Promise<void> {
    const { plan } = this.#world;
    const made = Array.from({ length: plan.products }, (_, i) =>
      this.#do(make(this.#name(), productId(i + 1), plan.stock)),
    );
    await Promise.all(made);
    this.busy += plan.clients;
    for (let i = 0; i < plan.clients; i += 1) {
      void this.#caller().finally(() => (this.busy -= 1));
    }
  }

  /** One caller: it thinks, or hurries so that its requests meet in one batch with those of others. */
  async #caller(): Promise<void> {
    const { random, plan } = this.#world;
    const holds: Reservation[] = [];
    for (let i = 0; i < plan.operations; i += 1) {
      const isHasty = random.next() < 0.5;
      await pause(this.#world, isHasty ? HASTE_MS_MAX : THINK_MS_MAX);
      const { outcome } = await this.#do(this.#step(holds));
      if (outcome?.kind === "done" && outcome.type === "RESERVE" && outcome.reservation) {
        holds.push(outcome.reservation);
      }
    }
  }

  async #do(asking: Asking): Promise<Asked> {
    this.#world.tell(() => `${asking.id}: ${asking.told}`);
    const asked = await perform(this.#world, asking);
    this.asked.push(asked);
    return asked;
  }

  #step(holds: Reservation[]): Asking {
    const { random } = this.#world;
    const id = this.#name();
    const { fashion } = this.#world.plan;
    const weights = fashion === null ? STEPS : { ...STEPS, [fashion]: FASHION_WEIGHT };
    const step = random.weighed<Step>(weights, "reserve");
    const [own] = random.shuffled(holds);
    if (own === undefined) return this.#stepOfProduct(id, step);
    switch (step) {
      case "confirm": {
        const held = own.allocations.reduce((sum, line) => sum + line.held, 0);
        holds.splice(holds.indexOf(own), 1);
        return buy(id, own, held > 1 && random.next() < 0.3);
      }
      case "cancel":
        holds.splice(holds.indexOf(own), 1);
        return giveBack(id, own);
      case "extend":
        return prolong(id, own, random.whole(1, HOLD_SECONDS_MAX));
      case "reassign":
        holds.splice(holds.indexOf(own), 1);
        return handOver(id, own, this.#newOwner(id, holds));
      case "reserve":
      case "sell":
      case "adjust":
      case "transfer":
      case "read":
      case "expire":
        return this.#stepOfProduct(id, step);
    }
  }

  #stepOfProduct(id: string, step: Step): Asking {
    const { random } = this.#world;
    const product = this.#product();
    const isKeyed = random.next() < 0.5;
    switch (step) {
      case "sell":
        return sale(id, product, random.whole(1, 3), isKeyed);
      case "adjust":
        return change(id, product, random.pick([-2, -1, 1, 2, 3]), isKeyed);
      case "transfer":
        return move(id, product, random.whole(1, 3));
      case "read":
        return look(this.#world, id, product);
      case "expire":
        return cleanUp(id);
      case "reserve":
      case "confirm":
      case "cancel":
      case "extend":
      case "reassign":
        return this.#reserve(id, product);
    }
  }

  #reserve(id: string, product: ProductId): Asking {
    const { random, plan } = this.#world;
    const quantity = random.whole(1, 4);
    const isCart = plan.products > 1 && random.next() < 0.3;
    const products = isCart
      ? Array.from({ length: plan.products }, (_, i) => productId(i + 1))
      : [product];
    const lines = products.map((one) => ({ productId: one, quantity }));
    return hold(id, lines, random.whole(1, HOLD_SECONDS_MAX + 1));
  }

  /** Nobody yet, or of another hold: then both may become one, of which the answer says what it has. */
  #newOwner(id: string, holds: Reservation[]): OrderId {
    const [other] = this.#world.random.next() < 0.5 ? holds.splice(0, 1) : [];
    return other?.orderId ?? OrderId.parse(id);
  }

  #product(): ProductId {
    const { random, plan } = this.#world;
    return productId(random.whole(1, plan.products + 1));
  }

  #name(): string {
    this.#next += 1;
    return `op${this.#next}`;
  }
}
