/** Sixteen clients: users of every verb, readers who notice when time goes back, and holds of a second. */
import type { Acknowledged } from "#test/audit";
import { Caller, reservationIn } from "#test/caller";
import { startExpiringLoad, type ExpiringLoad } from "#test/expiring-load";
import { startLoad, type Load, type LoadOptions as UsersOptions } from "#test/load";
import { Random } from "#test/random";
import { startReaders, type WentBack } from "#test/readers";
import { tokenOf } from "#test/service";
import { openStoresOf } from "#test/stores";
import { randomId } from "#lib/ids";
import type { Bed } from "#faults/bed";

const USERS = 14;
const READERS = 2;
/** So that a machine with little to spare is not what fails. */
const LOAD = { users: USERS, products: 6, units: 5_000, perSecondMax: 250 };

export interface BedLoad {
  readonly productIds: readonly string[];
  /** With the one that is nearly sold out. */
  readonly everyProduct: readonly string[];
  /** Every effect that anybody was told of, so far. */
  readonly acknowledged: readonly Acknowledged[];
  /** Of the users there are now: that of the short holds comes by another way. */
  readonly users: { readonly acknowledged: readonly Acknowledged[] };
  readonly strange: readonly string[];
  /** Reads that showed an earlier state than one that had been answered before they were asked. */
  readonly wentBack: readonly WentBack[];
  readonly reads: number;
  /** Attempts of users, with those that met no answer. */
  readonly answers: number;
  readonly shortHolds: number;
  /** Answers that were not what was hoped for, with how often. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Users finish what they are at, and leave. */
  usersLeave(): Promise<void>;
  /** Others come, who want the same products and know nothing of what those held. */
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
  // Each has a seed of its own: nobody repeats what another one chooses.
  const random = new Random(seed);
  const users = { ...LOAD, ...like, url: bed.urls, withoutLedger };
  const first = await startLoad({ ...users, seed: random.seed() });
  const { productIds, scarceId } = first;
  await nameTheAnnex(bed, `annex of ${seed}`);
  const kept = await holdThatStays(bed, productIds[0] ?? "");
  const all: Load[] = [first];
  const ofReaders = { urls: bed.urls, productIds, seed: random.seed() };
  const readers = await startReaders({ count: READERS, ...ofReaders });
  const { redisUrl, databaseUrl } = bed.servers;
  const stores = withShortHolds ? await openStoresOf(redisUrl, databaseUrl) : null;
  const short: ExpiringLoad | null =
    stores &&
    startExpiringLoad(stores.store, productIds, {
      random: new Random(random.seed()),
      throughFaults: true,
    });
  return {
    productIds,
    everyProduct: [...productIds, scarceId],
    users: {
      get acknowledged() {
        return all.at(-1)?.acknowledged ?? [];
      },
    },
    get acknowledged() {
      const others = [...all, ...(short ? [short] : [])];
      return [kept, ...others.flatMap(({ acknowledged }) => acknowledged)];
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
    get answers() {
      const counts = all.flatMap(({ caller }) => [...caller.attempts.values()]);
      return counts.reduce((sum, count) => sum + count, 0);
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
      all.push(await startLoad({ ...users, seed: random.seed(), of: first }));
    },
    async stop() {
      await Promise.all([...all, ...(short ? [short] : []), readers].map((one) => one.stop()));
      await stores?.[Symbol.asyncDispose]();
    },
  };
}

/** Where users move some units to: what the registry says of it is another thing each time. */
async function nameTheAnnex({ apis }: Bed, name: string): Promise<void> {
  const caller = new Caller(...apis.map(({ service }) => service.url));
  const token = await tokenOf("admin", "administrator");
  const body = { location: "annex", name: "annex" };
  const made = await caller.call({ method: "POST", path: "/locations", token, body });
  const path = "/locations/annex";
  const named = await caller.call({ method: "PATCH", path, token, body: { name } });
  if (![201, 409].includes(made.status) || named.status !== 200) {
    throw new Error(`the annex has no name: ${JSON.stringify([made.body, named.body])}`);
  }
}

/** Users may all have ended theirs when it is looked whether what is live is held. */
async function holdThatStays({ apis }: Bed, productId: string): Promise<Acknowledged> {
  const caller = new Caller(...apis.map(({ service }) => service.url));
  const token = await tokenOf("customer", "patient");
  const body = { quantity: 1, orderId: randomId(8) };
  const path = `/product/${productId}/reserve`;
  const answer = await caller.call({ method: "POST", path, token, body });
  const { reservationId } = reservationIn(answer);
  return { requestId: answer.requestId, type: "RESERVE", units: 1, reservationId };
}
