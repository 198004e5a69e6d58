/** The levels of durability as Redis can tell them: by its settings, its replicas, its `drained`. */
import type { Redis } from "ioredis";
import {
  isAbove,
  type Durability,
  type DurabilityLevel,
  type Receipt,
} from "#inventory/durability";
import type { StockStore } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import type { Partition } from "#redis/partition";
import { ReplicaLook } from "#redis/replica-look";
import { SharedWait, type IsThere } from "#redis/shared-wait";

/** One look at `drained`. */
const LOOK_MS_MAX = 1_000;

export interface RedisDurabilityOptions {
  readonly floor: DurabilityLevel;
  readonly partitions: readonly Partition[];
  readonly store: Pick<StockStore, "positions">;
  readonly clock: Clock;
  /** By partition the lowest seq that the ledger passed over and keeps in quarantine. */
  readonly setAside: () => Promise<ReadonlyMap<number, number>>;
  /** Makes a connection of its own for what waits within Redis. */
  readonly connect: () => Redis;
  /** A wait for more than `disk` ended. */
  readonly onReached: (wanted: DurabilityLevel, reached: DurabilityLevel) => void;
  readonly onFailure: (error: unknown) => void;
}

export class RedisDurability implements Durability, AsyncDisposable {
  readonly floor: DurabilityLevel;
  readonly #options: RedisDurabilityOptions;
  readonly #replicas: ReplicaLook;
  readonly #waits: Readonly<Record<"replica" | "ledger", SharedWait>>;
  #isOnDisk = false;

  constructor(options: RedisDurabilityOptions) {
    this.#options = options;
    this.floor = options.floor;
    this.#replicas = new ReplicaLook(options.connect);
    this.#waits = {
      replica: new SharedWait({ ...options, look: () => this.#lookAtReplicas() }),
      ledger: new SharedWait({ ...options, look: (receipts) => this.#lookAtLedger(receipts) }),
    };
  }

  readonly base = (): "memory" | "disk" => (this.#isOnDisk ? "disk" : "memory");

  /** Told by whoever asks Redis for its settings. */
  settingsHold(doHold: boolean): void {
    this.#isOnDisk = doHold;
  }

  async reach(
    wanted: DurabilityLevel,
    receipts: readonly Receipt[],
    deadline: number,
  ): Promise<DurabilityLevel> {
    // Nothing was answered, so there is nothing to wait for, nor anything to say of it.
    if (receipts.length === 0) return this.base();
    const newest = newestOf(receipts);
    const reached = await this.#reach(wanted, newest, deadline);
    this.#options.onReached(wanted, reached);
    return reached;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replicas[Symbol.asyncDispose]();
  }

  async #reach(
    wanted: DurabilityLevel,
    receipts: readonly Receipt[],
    deadline: number,
  ): Promise<DurabilityLevel> {
    const { replica, ledger } = this.#waits;
    if (wanted === "ledger") {
      // The floor is reached meanwhile, so that it can be named should the ledger be away.
      const lower = this.floor === "replica" ? replica.reached(receipts, deadline) : null;
      if (await ledger.reached(receipts, deadline)) return "ledger";
      return (await lower) === true ? "replica" : this.base();
    }
    if (!isAbove(wanted, "disk")) return this.base();
    return (await replica.reached(receipts, deadline)) ? "replica" : this.base();
  }

  async #lookAtReplicas(): Promise<IsThere> {
    const isThere = await this.#replicas.isThere();
    return () => isThere;
  }

  /** One read for each partition that somebody waits for; what other answers told counts too. */
  async #lookAtLedger(receipts: readonly Receipt[]): Promise<IsThere> {
    const { clock, partitions, store, setAside } = this.#options;
    const isPassed = ({ partition, seq }: Receipt): boolean =>
      (partitions[partition]?.drained ?? 0) >= seq;
    const asked = receipts.filter((receipt) => !isPassed(receipt));
    const deadline = clock.now() + LOOK_MS_MAX;
    const numbers = new Set(asked.map(({ partition }) => partition));
    // A partition that cannot be read is no reason for those of the others to wait.
    await Promise.allSettled([...numbers].map((number) => store.positions(deadline, number)));
    // The cursor passes what PostgreSQL refused. Which of the changes that was, a receipt cannot say.
    const aside = await setAside();
    return (receipt) => {
      if (!isPassed(receipt)) return false;
      return receipt.seq < (aside.get(receipt.partition) ?? Infinity) || "never";
    };
  }
}

/** Of each partition and epoch the highest seq: it stands for those below. */
function newestOf(receipts: readonly Receipt[]): readonly Receipt[] {
  const newest = new Map<string, Receipt>();
  for (const receipt of receipts) {
    const name = `${receipt.partition} ${receipt.epoch}`;
    if (receipt.seq >= (newest.get(name)?.seq ?? 0)) newest.set(name, receipt);
  }
  return [...newest.values()];
}
