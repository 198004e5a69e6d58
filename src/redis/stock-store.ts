/** The stock store over Redis: sends commands as lines of batches, and reads replies as outcomes. */
import type { Receipt } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import type {
  Product,
  ProductId,
  RegisteredLocation,
  Reservation,
  ReservationId,
  Sku,
} from "#inventory/model";
import type {
  AmendLocationCommand,
  AmendLocationOutcome,
  RegisterLocationCommand,
  RegisterLocationOutcome,
  TransferCommand,
  TransferOutcome,
} from "#inventory/location-ports";
import type {
  AdjustCommand,
  AdjustOutcome,
  AmendCommand,
  AmendOutcome,
  CancelOutcome,
  ConfirmCommand,
  ConfirmOutcome,
  CountCommand,
  CountOutcome,
  EndCommand,
  ExpireResult,
  ExtendCommand,
  ExtendOutcome,
  InitializeCommand,
  InitializeOutcome,
  Position,
  ReassignCommand,
  ReassignOutcome,
  RequestedLine,
  ReserveCommand,
  ReserveOutcome,
  ReturnCommand,
  ReturnOutcome,
  SellCommand,
  SellOutcome,
  ShortLine,
  StockStore,
} from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { Campaigns } from "#redis/campaigns";
import { cancelHold, confirmHold, extendHold, reassignHold } from "#redis/change-hold";
import { decodeHold } from "#redis/hold-record";
import { explained, lacksStock } from "#redis/explained";
import { NextDue } from "#redis/next-due";
import { metaKey, reservationKey } from "#redis/keys";
import { Limits } from "#redis/limits";
import { Locations } from "#redis/locations";
import {
  adjustLine,
  amendLine,
  countLine,
  initializeLine,
  reserveLine,
  transferLine,
  returnLine,
  sellLine,
} from "#redis/lines";
import { reserveOutcome } from "#redis/hold-outcomes";
import {
  adjustOutcome,
  amendOutcome,
  countOutcome,
  initializeOutcome,
  transferOutcome,
  returnOutcome,
  sellOutcome,
} from "#redis/outcomes";
import { partitionOf, type Partition } from "#redis/partition";
import { PartitionQueues, type RepairVerb, type WritePathOptions } from "#redis/partition-queues";
import { ProductReads } from "#redis/product-reads";
import { Reads } from "#redis/reads";
import { SkuClaims } from "#redis/sku-claims";

export interface StockStoreOptions extends WritePathOptions {
  readonly partitions: readonly Partition[];
  /** A hold is due at that second (epoch, Redis's clock), `inMs` from now. */
  readonly onDue: (partition: number, second: number, inMs: number) => void;
}

interface Route {
  readonly partition: Partition;
  readonly queues: PartitionQueues;
  readonly nextDue: NextDue;
}

export class RedisStockStore implements StockStore {
  readonly partitions: number;
  readonly campaigns: Campaigns;
  readonly #routes: readonly Route[];
  readonly #reads: Reads;
  readonly #products: ProductReads;
  readonly #skus: SkuClaims;
  readonly #locations: Locations;
  readonly #limits: Limits;
  readonly #onDue: StockStoreOptions["onDue"];

  constructor(options: StockStoreOptions) {
    this.partitions = options.partitions.length;
    this.#onDue = options.onDue;
    this.#reads = new Reads(options.redis, options.clock, options.recheck);
    this.#routes = options.partitions.map((partition) => {
      return {
        partition,
        queues: new PartitionQueues(options, partition),
        nextDue: new NextDue(options.redis, partition, options.clock),
      };
    });
    this.#products = new ProductReads(this.#reads, options.partitions);
    this.campaigns = new Campaigns({
      routes: this.#routes,
      reads: this.#reads,
      clock: options.clock,
      onDue: (partition, at) => this.#wakeAt(partition, Math.ceil(at / 1_000)),
    });
    this.#locations = new Locations(this.#routes, this.#reads);
    this.#limits = new Limits(this.#routes, this.#reads);
    this.#skus = new SkuClaims({
      redis: options.redis,
      reads: this.#reads,
      clock: options.clock,
      partition: this.#route(0).partition,
      product: (productId, deadline) => this.product(productId, deadline),
    });
  }

  /** Commands that were taken and have no answer yet. */
  get pending(): number {
    return this.#routes.reduce((sum, route) => sum + route.queues.pending, 0);
  }

  async initialize(command: InitializeCommand): Promise<InitializeOutcome> {
    const { productId, sku, deadline } = command;
    // A product that is there claims nothing: what it answers is its own, whoever has that SKU.
    if ((await this.product(productId, deadline)) === null) {
      const claim = await this.#skus.claim(sku, productId, deadline);
      if (claim.kind === "taken") return { ...claim, kind: "sku_taken" };
    }
    const { queues } = this.#routeOf(productId);
    const line = initializeLine(command);
    return initializeOutcome(await queues.submit("initialize", line, 1, command));
  }

  async adjust(command: AdjustCommand): Promise<AdjustOutcome> {
    const { queues } = this.#routeOf(command.productId);
    return adjustOutcome(await queues.submit("adjust", adjustLine(command), 1, command));
  }

  async transfer(command: TransferCommand): Promise<TransferOutcome> {
    const { queues } = this.#routeOf(command.productId);
    const line = transferLine(command);
    return transferOutcome(await queues.submit("transfer", line, 1, command));
  }

  async count(command: CountCommand): Promise<CountOutcome> {
    const { queues } = this.#routeOf(command.productId);
    return countOutcome(await queues.submit("count", countLine(command), 1, command));
  }

  registerLocation(command: RegisterLocationCommand): Promise<RegisterLocationOutcome> {
    return this.#locations.register(command);
  }

  amendLocation(command: AmendLocationCommand): Promise<AmendLocationOutcome> {
    return this.#locations.amend(command);
  }

  locations(deadline: number): Promise<readonly RegisteredLocation[]> {
    return this.#locations.list(deadline);
  }

  async hasInactiveLocation(deadline: number): Promise<boolean> {
    if (await this.#locations.hasInactive(deadline)) return true;
    return await this.campaigns.hasAny(deadline);
  }

  async amend(command: AmendCommand): Promise<AmendOutcome> {
    const { queues } = this.#routeOf(command.productId);
    return amendOutcome(await queues.submit("amend", amendLine(command), 1, command));
  }

  async reserve(command: ReserveCommand): Promise<ReserveOutcome> {
    const { partition, queues } = this.#routeOfAll(command.lines);
    const line = reserveLine(command);
    for (;;) {
      const reply = await queues.submit("reserve", line, command.lines.length, command);
      const outcome = reserveOutcome(partition.number, command, reply);
      // Also of a hold that stood: who made it may not have heard of it, and asked for no wake-up.
      if ("reservation" in outcome) this.#wakeWhenDue(partition, outcome.reservation);
      if (outcome.kind === "due") await queues.expireAll(command.deadline);
      else if (outcome.kind === "campaign_due") await this.campaigns.turnFor(command);
      else return explained(outcome, (lines) => this.#withNextDue(lines));
    }
  }

  async sell(command: SellCommand): Promise<SellOutcome> {
    const { queues } = this.#routeOf(command.productId);
    const line = sellLine(command);
    for (;;) {
      const outcome = sellOutcome(await queues.submit("sell", line, 1, command));
      if (outcome.kind === "insufficient" || outcome.kind === "above_quota") {
        return { ...outcome, lines: await this.#withNextDue(outcome.lines) };
      }
      if (outcome.kind !== "due") return outcome;
      await queues.expireAll(command.deadline);
    }
  }

  async return(command: ReturnCommand): Promise<ReturnOutcome | { readonly kind: "moved" }> {
    const { queues } = this.#routeOf(command.productId);
    return returnOutcome(await queues.submit("return", returnLine(command), 1, command));
  }

  async confirm(command: ConfirmCommand): Promise<ConfirmOutcome> {
    const outcome = await confirmHold(this.queuesOf(command.hold.partition), command);
    if (outcome.kind !== "insufficient" && outcome.kind !== "above_quota") return outcome;
    return { ...outcome, lines: await this.#withNextDue(outcome.lines) };
  }

  cancel(command: EndCommand): Promise<CancelOutcome> {
    return cancelHold(this.queuesOf(command.hold.partition), command);
  }

  async extend(command: ExtendCommand): Promise<ExtendOutcome> {
    const outcome = await extendHold(this.queuesOf(command.hold.partition), command);
    if (outcome.kind === "done") {
      this.#wakeWhenDue(this.#route(command.hold.partition).partition, outcome.reservation);
    }
    return outcome;
  }

  async reassign(command: ReassignCommand): Promise<ReassignOutcome> {
    const outcome = await reassignHold(this.queuesOf(command.hold.partition), command);
    if (outcome.kind === "done") {
      this.#wakeWhenDue(this.#route(command.hold.partition).partition, outcome.reservation);
    }
    return outcome;
  }

  expire(partition: number, deadline?: number, receipts?: Receipt[]): Promise<ExpireResult> {
    return this.#route(partition).queues.expire(deadline, receipts);
  }

  /** One line for the script of that repair; answers its word. */
  readonly repair = (verb: RepairVerb, id: string, line: string, deadline: number) =>
    this.#routeOf(id).queues.submit(verb, line, 1, { deadline });

  readonly putLimit: StockStore["putLimit"] = (command) => this.#limits.put(command);
  readonly removeLimit: StockStore["removeLimit"] = (command) => this.#limits.remove(command);
  readonly limits: StockStore["limits"] = (deadline) => this.#limits.list(deadline);

  readonly partitionOf = (productId: string): number => partitionOf(productId, this.partitions);

  msUntil(partition: number, second: number): number {
    return second * 1_000 - (Date.now() + this.#route(partition).partition.clockAheadMs);
  }

  product(productId: ProductId, deadline: number): Promise<Product | null> {
    return this.#products.one(productId, deadline);
  }

  products(productIds: readonly ProductId[], deadline: number) {
    return this.#products.all(productIds, deadline);
  }

  productOfSku(sku: Sku, deadline: number): Promise<ProductId | null> {
    return this.#skus.productOf(sku, deadline);
  }

  async reservation(reservationId: ReservationId, deadline: number): Promise<Reservation | null> {
    const { partition: number, owner } = splitReservationId(reservationId);
    if (number >= this.partitions) return null;
    const { partition } = this.#route(number);
    const key = reservationKey(number, owner);
    const lookup = { partition, command: "GET" as const, key, count: 1 };
    const { value: text } = await this.#reads.read(lookup, deadline);
    if (typeof text !== "string") return null;
    const hold = decodeHold(number, owner, text);
    return hold.reservationId === reservationId ? hold : null;
  }

  lowStock(limit: number, deadline: number): Promise<readonly ProductId[]> {
    return this.#products.lowest(limit, deadline);
  }

  positions(deadline: number, only: number | null = null): Promise<readonly Position[]> {
    const routes = only === null ? this.#routes : [this.#route(only)];
    const positions = routes.map(async ({ partition }) => {
      const key = metaKey(partition.number);
      const lookup = { partition, command: "META" as const, key, count: 1 };
      const { seq, drained } = (await this.#reads.read(lookup, deadline)).meta;
      return { partition: partition.number, seq, drained };
    });
    return Promise.all(positions);
  }

  #withNextDue(lines: readonly ShortLine[]): Promise<ShortLine[]> {
    const told = lines.map(async (line) => {
      if (!lacksStock(line)) return line;
      const { nextDue } = this.#routeOf(line.productId);
      return { ...line, nextHoldEndsAt: await nextDue.of(line.productId) };
    });
    return Promise.all(told);
  }

  #wakeWhenDue(partition: Partition, hold: Reservation): void {
    if (hold.expiresAt !== null) this.#wakeAt(partition, hold.expiresAt / 1_000);
  }

  #wakeAt(partition: Partition, second: number): void {
    this.#onDue(partition.number, second, this.msUntil(partition.number, second));
  }

  #route(number: number): Route {
    const route = this.#routes[number];
    if (!route) throw new Error(`there is no partition ${number}`);
    return route;
  }

  /** The write path of that partition; null: it is none of ours. */
  queuesOf(partition: number): PartitionQueues | null {
    return this.#routes[partition]?.queues ?? null;
  }

  #routeOf(productId: string): Route {
    return this.#route(this.partitionOf(productId));
  }

  /** One script decides a cart, so its products must share a partition. */
  #routeOfAll(lines: readonly RequestedLine[]): Route {
    if (this.partitions === 1) return this.#route(0);
    const numbers = new Set(lines.map((line) => this.partitionOf(line.productId)));
    const [number = 0] = numbers;
    if (numbers.size > 1) {
      const message = "the products of this cart live in several partitions";
      throw new Fault("cart_spans_partitions", message);
    }
    return this.#route(number);
  }
}
