/** What the callers of one run do, one thing after another each. */
import type { CampaignId } from "#inventory/campaigns";
import { OrderId, type ProductId, type Reservation } from "#inventory/model";
import { pause, perform, type Asked, type Asking } from "./callers.ts";
import { keepShop } from "./keeper.ts";
import { HOLD_SECONDS_MAX } from "./plan.ts";
import { join, leave, place, type Wish } from "./sale.ts";
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
  replace: 1,
  sell: 3,
  adjust: 4,
  transfer: 0.5,
  read: 1.5,
  expire: 0.5,
  join: 0,
  place: 0,
  leave: 0,
} as const;
/** Where there is a line. */
const STEPS_IN_LINE = { ...STEPS, join: 5, place: 3, leave: 1 } as const;
/** Of what most do: their commands meet in the queue of one verb. */
const FASHION_WEIGHT = 40;
type Step = keyof typeof STEPS;
type StepOfProduct = Exclude<Step, "join" | "place" | "leave">;

/** What one caller goes on with. */
interface Own {
  readonly holds: Reservation[];
  readonly wishes: Wish[];
}

function learn({ holds }: Own, given: Reservation): void {
  if (!holds.some(({ reservationId }) => reservationId === given.reservationId)) holds.push(given);
}

/** How often a reserve names a campaign, where one is known. */
const OF_CAMPAIGN = 0.6;
/** Of what is offered to who waits: they wait for each other. */
const OFFERED_SECONDS_MAX = 2;

const THINK_MS_MAX = 700;
const HASTE_MS_MAX = 2;

export class Workload {
  readonly asked: Asked[] = [];
  readonly #world: World;
  readonly #campaigns: CampaignId[] = [];
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
    const ask = (asking: Asking): Promise<Asked> => this.#do(asking);
    const keeper = {
      world: this.#world,
      ask,
      name: () => this.#name(),
      campaigns: this.#campaigns,
    };
    this.busy += plan.clients + 1;
    void keepShop(keeper).finally(() => (this.busy -= 1));
    for (let i = 0; i < plan.clients; i += 1) {
      void this.#caller().finally(() => (this.busy -= 1));
    }
  }

  /** One caller: it thinks, or hurries so that its requests meet in one batch with those of others. */
  async #caller(): Promise<void> {
    const { random, plan } = this.#world;
    const own: Own = { holds: [], wishes: [] };
    for (let i = 0; i < plan.operations; i += 1) {
      const isHasty = random.next() < 0.5;
      await pause(this.#world, isHasty ? HASTE_MS_MAX : THINK_MS_MAX);
      const { outcome } = await this.#do(this.#step(own));
      if (outcome?.kind === "done" && outcome.type === "RESERVE" && outcome.reservation) {
        learn(own, outcome.reservation);
      }
    }
  }

  async #do(asking: Asking): Promise<Asked> {
    this.#world.tell(() => `${asking.id}: ${asking.told}`);
    const asked = await perform(this.#world, asking);
    this.asked.push(asked);
    return asked;
  }

  #step(own: Own): Asking {
    const { random } = this.#world;
    const id = this.#name();
    const { fashion, hasLine } = this.#world.plan;
    const steps = hasLine ? STEPS_IN_LINE : STEPS;
    const weights = fashion === null ? steps : { ...steps, [fashion]: FASHION_WEIGHT };
    const step = random.weighed<Step>(weights, "reserve");
    if (step === "join" || step === "place" || step === "leave") return this.#inLine(id, step, own);
    const { holds } = own;
    const [one] = random.shuffled(holds);
    return one === undefined
      ? this.#stepOfProduct(id, step)
      : this.#stepOfHold(id, step, one, holds);
  }

  /** Of a place that it asked for, or of one that is new. */
  #inLine(id: string, step: "join" | "place" | "leave", own: Own): Asking {
    const { random } = this.#world;
    const offered = (given: Reservation): void => learn(own, given);
    const [known] = random.shuffled(own.wishes);
    if (known !== undefined && step === "place") return place(id, known, offered);
    if (known !== undefined && step === "leave") return leave(id, known, offered);
    const isAgain = known !== undefined && random.next() < 0.2;
    const wish = isAgain ? known : { id, product: this.#product() };
    if (!isAgain) own.wishes.push(wish);
    const seconds = random.whole(1, OFFERED_SECONDS_MAX + 1);
    return join(id, wish, random.whole(1, 4), seconds, offered);
  }

  #stepOfHold(id: string, step: StepOfProduct, own: Reservation, holds: Reservation[]): Asking {
    const { random } = this.#world;
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
      case "replace":
        holds.splice(holds.indexOf(own), 1);
        return this.#reserve(id, this.#productOf(own), own);
      case "reserve":
      case "sell":
      case "adjust":
      case "transfer":
      case "read":
      case "expire":
        return this.#stepOfProduct(id, step);
    }
  }

  #stepOfProduct(id: string, step: StepOfProduct): Asking {
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
      case "replace":
        return this.#reserve(id, product);
    }
  }

  #reserve(id: string, product: ProductId, instead?: Reservation): Asking {
    const { random, plan } = this.#world;
    const quantity = random.whole(1, 4);
    const isCart = plan.products > 1 && !instead && random.next() < 0.3;
    const products = isCart
      ? Array.from({ length: plan.products }, (_, i) => productId(i + 1))
      : [product];
    const lines = products.map((one) => ({ productId: one, quantity }));
    const [campaign] = this.#campaigns.length > 0 ? random.shuffled(this.#campaigns) : [];
    const isOfCampaign = campaign !== undefined && random.next() < OF_CAMPAIGN;
    const seconds = random.whole(1, HOLD_SECONDS_MAX + 1);
    return hold(id, {
      lines,
      seconds,
      ...(isOfCampaign ? { campaign } : {}),
      ...(instead ? { instead } : {}),
    });
  }

  /** Nobody yet, or of another hold: then both may become one, of which the answer says what it has. */
  #newOwner(id: string, holds: Reservation[]): OrderId {
    const [other] = this.#world.random.next() < 0.5 ? holds.splice(0, 1) : [];
    return other?.orderId ?? OrderId.parse(id);
  }

  #productOf({ allocations: [line] }: Reservation): ProductId {
    return line?.productId ?? this.#product();
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
