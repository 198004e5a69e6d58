/** Sixteen clients: users of every verb, readers who notice when time goes back, and holds of a second. */
import type { Acknowledged } from "#test/audit";
import { startExpiringLoad, type ExpiringLoad } from "#test/expiring-load";
import { startLoad, type Load, type LoadOptions as UsersOptions } from "#test/load";
import { startReaders } from "#test/readers";
import { openStoresOf } from "#test/stores";
import type { Bed } from "#faults/bed";

const USERS = 14;
const READERS = 2;
/** So that a machine with little to spare is not what fails. */
const LOAD = { users: USERS, products: 6, units: 5_000, perSecondMax: 250 };

export interface BedLoad {
  readonly productIds: readonly string[];
  /** Every effect that anybody was told of, so far. */
  readonly acknowledged: readonly Acknowledged[];
  /** Of the users there are now: that of the short holds comes by another way. */
  readonly users: { readonly acknowledged: readonly Acknowledged[] };
  readonly strange: readonly string[];
  /** Reads that showed an earlier state than one that had been answered before they were asked. */
  readonly wentBack: readonly string[];
  readonly reads: number;
  readonly shortHolds: number;
  /** Answers that were not what was hoped for, with how often. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Users finish what they are at, and leave. */
  usersLeave(): Promise<void>;
  /** Others come, who know nothing of what those held. */
  othersCome(): Promise<void>;
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly seed: number;
  /** Without what the ledger alone answers, while it is away. */
  readonly withoutLedger: boolean;
  /** A process beside the service remembers what it was told, as the APIs do. */
  readonly withShortHolds: boolean;
  readonly like?: LoadLike;
}

/** A load for longer than a fault takes. */
export type LoadLike = Readonly<
  Pick<UsersOptions, "perSecondMax" | "extendMinutes" | "withoutNewProducts">
>;

export async function startBedLoad(bed: Bed, options: LoadOptions): Promise<BedLoad> {
  const { seed, withoutLedger, withShortHolds, like = {} } = options;
  const users = { ...LOAD, ...like, url: bed.urls, withoutLedger };
  const first = await startLoad({ ...users, seed });
  const { productIds } = first;
  const all: Load[] = [first];
  const readers = await startReaders({ count: READERS, urls: bed.urls, productIds, seed });
  const { redisUrl, databaseUrl } = bed.servers;
  const stores = withShortHolds ? await openStoresOf(redisUrl, databaseUrl) : null;
  const short: ExpiringLoad | null =
    stores && startExpiringLoad(stores.store, productIds, { throughFaults: true });
  return {
    productIds,
    users: {
      get acknowledged() {
        return all.at(-1)?.acknowledged ?? [];
      },
    },
    get acknowledged() {
      return [...all, ...(short ? [short] : [])].flatMap(({ acknowledged }) => acknowledged);
    },
    get strange() {
      return [...all, ...(short ? [short] : [])].flatMap(({ strange }) => strange);
    },
    get wentBack() {
      return readers.wentBack;
    },
    get reads() {
      return readers.reads;
    },
    get shortHolds() {
      return short?.made ?? 0;
    },
    get refusals() {
      const met = all
        .flatMap(({ caller }) => [...caller.attempts])
        .filter(([name]) => /no answer|5\d\d$/.test(name));
      return Object.fromEntries(met);
    },
    usersLeave: async () => {
      await all.at(-1)?.stop();
    },
    othersCome: async () => {
      all.push(await startLoad({ ...users, seed: seed + USERS }));
    },
    async stop() {
      await Promise.all([...all, ...(short ? [short] : []), readers].map((one) => one.stop()));
      await stores?.[Symbol.asyncDispose]();
    },
  };
}
