/** Holds of one second, half of them confirmed (or sold after all) when they are due, by a store beside the service. */
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import type { RedisStockStore } from "#redis/stock-store";
import { Fault } from "#inventory/faults";
import type { Reservation } from "#inventory/model";
import type { Acknowledged } from "#test/audit";
import type { Random } from "#test/random";
import { endCommand, reserveCommand } from "#test/store";
import { until } from "#test/until";

const HOLDS_AT_ONCE = 20;
const ANSWER_MS_MAX = 5_000;
/** Confirms start up to this long before the due second, so that some come after it. */
const EARLY_MS_MAX = 40;
/** After a refusal, where some are expected. */
const REFUSED_PAUSE_MS = 100;

export interface ExpiringLoad {
  /** Short holds that were made. */
  readonly made: number;
  readonly confirmed: number;
  /** Of the confirmed: sold after they had expired. */
  readonly reacquired: number;
  readonly expired: number;
  readonly acknowledged: Acknowledged[];
  readonly strange: string[];
  stop(): Promise<void>;
}

export const withinMs = (ms = ANSWER_MS_MAX): number => processClock.now() + ms;

/** Who does it, and the name under which its movements are found. */
export function contextOf(requestId: string) {
  return { actor: "test:expiring-load", requestId };
}

export function startExpiringLoad(
  store: RedisStockStore,
  productIds: readonly string[],
  options: { readonly random: Random; readonly throughFaults?: boolean },
): ExpiringLoad {
  const { random } = options;
  const load = { made: 0, confirmed: 0, reacquired: 0, expired: 0, isStopped: false };
  const acknowledged: Acknowledged[] = [];
  const strange: string[] = [];

  const reserve = async (): Promise<Reservation[]> => {
    const requestId = randomId(16);
    const productId = random.pick(productIds);
    const command = reserveCommand(requestId, { [productId]: 1 });
    const context = contextOf(requestId);
    const deadline = withinMs();
    const outcome = await store.reserve({ ...command, context, deadline, holdSeconds: 1 });
    if (outcome.kind === "insufficient") return [];
    if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
    const { reservation } = outcome;
    const { reservationId } = reservation;
    load.made += 1;
    acknowledged.push({ requestId, type: "RESERVE", units: 1, reservationId });
    return [reservation];
  };
  const confirm = async ({ reservationId, expiresAt }: Reservation): Promise<void> => {
    const earlyMs = random.whole(0, EARLY_MS_MAX);
    await until(() => store.msUntil(0, (expiresAt ?? Infinity) / 1_000) <= earlyMs, {
      withinMs: ANSWER_MS_MAX,
      what: "a hold is nearly due",
    });
    const requestId = randomId(16);
    // Every other one is sold after all when it comes too late, under an id of its own.
    const late = random.whole(0, 2) === 0 ? {} : { reacquireAs: randomId(8) };
    const command = endCommand(reservationId, { deadline: withinMs(), ...late });
    const outcome = await store.confirm({ ...command, context: contextOf(requestId) });
    // What expired may be gone to others meanwhile.
    if (outcome.kind === "insufficient") return;
    if (outcome.kind === "expired") {
      load.expired += 1;
    } else if (outcome.kind === "done") {
      load.confirmed += 1;
      const { reservationId: soldAs } = outcome.reservation;
      if (soldAs !== reservationId) load.reacquired += 1;
      acknowledged.push({ requestId, type: "SALE", units: 1, reservationId: soldAs });
    } else if (outcome.kind === "unknown_reservation") {
      // As the API would say it: it may have been lost, and reported (test/support/lost.ts).
      strange.push(`POST /reservation/${reservationId}/confirm: 404 when it was due`);
    } else {
      throw new Error(`confirm of ${reservationId} when it was due answered ${outcome.kind}`);
    }
  };
  const run = async (): Promise<void> => {
    while (!load.isStopped) {
      try {
        const made = await Promise.all(Array.from({ length: HOLDS_AT_ONCE }, reserve));
        await Promise.all(
          made
            .flat()
            .filter((_, i) => i % 2 === 0)
            .map(confirm),
        );
      } catch (error) {
        const isExpected = error instanceof Fault && error.retryable;
        if (options.throughFaults === true && isExpected) await Bun.sleep(REFUSED_PAUSE_MS);
        else strange.push(String(error));
      }
    }
  };
  const running = run();
  return {
    get made() {
      return load.made;
    },
    get confirmed() {
      return load.confirmed;
    },
    get reacquired() {
      return load.reacquired;
    },
    get expired() {
      return load.expired;
    },
    acknowledged,
    strange,
    async stop() {
      load.isStopped = true;
      await running;
    },
  };
}
