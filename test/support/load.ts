/** A mixed load over HTTP: users who order, change their minds, pay and look, and an administrator. */
import { randomId } from "#lib/ids";
import { Caller } from "#test/caller";
import { Random } from "#test/random";
import { seed as seedOfRun } from "#test/scale";
import { tokenOf } from "#test/service";
import type { Shop } from "#test/user";
import { deckOf, initialize } from "#test/users";

export interface LoadOptions {
  /** Several: each attempt goes to the next. */
  readonly url: string | readonly string[];
  readonly users: number;
  readonly products: number;
  /** Units of each product at the start. */
  readonly units: number;
  /** Most requests a second, so that tests of faults do not measure the machine; default: all. */
  readonly perSecondMax?: number;
  /** Only what is answered without PostgreSQL. */
  readonly withoutLedger?: boolean;
  /** What holds are extended to; default: half an hour. */
  readonly extendMinutes?: number;
  /** No products but those of the start: what is for ever would grow as long as it runs. */
  readonly withoutNewProducts?: boolean;
  /** Of what each user does, in which order; not given: that of the run. */
  readonly seed?: number;
  /** Of a load before: its users want the products of that one, and make none at the start. */
  readonly of?: Pick<Shop, "productIds" | "scarceId">;
}

export interface Load extends Shop, AsyncDisposable {
  /** Lets the users finish what they are at. */
  stop(): Promise<void>;
}

const EXTEND_MINUTES = 30;
/** Of the product that is nearly sold out. */
const SCARCE = { units: 22, safety: 20 };

/** Makes the products, then lets users loose. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const { url, users, products, units, perSecondMax = Infinity, seed = seedOfRun() } = options;
  const { extendMinutes = EXTEND_MINUTES, of } = options;
  const random = new Random(seed);
  const run = randomId(6);
  const deck = deckOf(options);
  const state = { isStopped: false };
  let loops: Promise<void>[] = [];
  const stop = async (): Promise<void> => {
    state.isStopped = true;
    await Promise.all(loops);
  };
  const load: Load = {
    caller: new Caller(...[url].flat()),
    productIds: of?.productIds ?? Array.from({ length: products }, (_, i) => `${run}-${i}`),
    scarceId: of?.scarceId ?? `${run}-scarce`,
    acknowledged: [],
    strange: [],
    stop,
    [Symbol.asyncDispose]: stop,
  };
  const admin = await tokenOf("admin", "administrator");
  const maker = { load, extendMinutes, admin, token: admin, random, kept: null };
  if (of === undefined) {
    for (const id of load.productIds) await initialize(maker, id, units);
    await initialize(maker, load.scarceId, SCARCE.units, SCARCE.safety);
  }
  const pauseMs = (1_000 * users) / perSecondMax;
  loops = Array.from({ length: users }, async (_, i) => {
    const own = new Random(random.seed());
    const token = await tokenOf("customer", `customer-${run}-${i}`);
    const user = { load, extendMinutes, admin, token, random: own, kept: null };
    while (!state.isStopped) {
      try {
        await user.random.pick(deck)(user);
      } catch (error) {
        load.strange.push(String(error));
      }
      if (pauseMs > 0) await Bun.sleep(pauseMs);
    }
  });
  return load;
}
