/** What answers to fuzzed requests say was done, where they say it to the unit: for an audit. */
import { z } from "zod";
import { ADJUSTMENT_TYPES } from "#inventory/model";
import type { Acknowledged } from "#test/audit";

interface FuzzAnswer {
  /** `POST /path`, as it went out, without a query. */
  readonly call: string;
  readonly status: number;
  readonly requestId: string;
  readonly isReplay: boolean;
  /** Both bodies, as they went. */
  readonly asked: string;
  readonly text: string;
}

type Effect = Required<Pick<Acknowledged, "type" | "units" | "reservationId">>;

interface Way {
  readonly call: RegExp;
  readonly status: number;
  readonly effectOf: (answer: unknown, asked: unknown) => Effect;
}

const Sold = z.object({ sold: z.object({ quantity: z.number() }) });
const Held = z.object({
  reservation: z.object({ reservationId: z.string(), quantity: z.number() }),
});
const Adjusted = z.object({
  quantity: z.number(),
  type: z.enum(ADJUSTMENT_TYPES).default("ADJUSTMENT"),
});
const Added = z.object({ quantity: z.number() });
const Replenished = z.object({ replenished_quantity: z.number() });
const Taken = z.object({ reserved_quantity: z.number() });

const ofNoHold = (type: Effect["type"], units: number): Effect => ({
  type,
  units: Math.abs(units),
  reservationId: null,
});

const WAYS: readonly Way[] = [
  {
    call: /^POST \/api\/inventory\/product\/[^/]+\/sell$/,
    status: 200,
    effectOf: (answer) => ofNoHold("SALE", Sold.parse(answer).sold.quantity),
  },
  {
    call: /^PATCH \/api\/inventory\/product\/[^/]+\/stock$/,
    status: 200,
    effectOf(_, asked) {
      const { type, quantity } = Adjusted.parse(asked);
      return ofNoHold(type, quantity);
    },
  },
  {
    call: /^POST \/api\/inventory\/(?:product\/[^/]+\/reserve|reservations)$/,
    status: 201,
    effectOf(answer) {
      const { reservationId, quantity } = Held.parse(answer).reservation;
      return { type: "RESERVE", units: quantity, reservationId };
    },
  },
  {
    call: /^POST \/api\/inventory$/,
    status: 200,
    effectOf: (_, asked) => ofNoHold("RESTOCK", Added.parse(asked).quantity),
  },
  {
    call: /^PUT \/inventory\/[^/]+\/replenish$/,
    status: 200,
    effectOf: (answer) => ofNoHold("RESTOCK", Replenished.parse(answer).replenished_quantity),
  },
  {
    call: /^PUT \/inventory\/[^/]+\/reserve$/,
    status: 200,
    effectOf: (answer) => ofNoHold("SALE", Taken.parse(answer).reserved_quantity),
  },
];

/** Whose hold it becomes may have had one already: then it is of more units than were reserved for it. */
const GIVEN_AWAY = /^POST \/api\/inventory\/reservation\/[^/]+\/owner$/;

interface Hold {
  readonly effect: Effect;
  /** Requests that heard of it. */
  readonly by: string[];
}

/** What callers were told of, from all answers that there were. */
export class Told {
  readonly #effects: Acknowledged[] = [];
  /** By id: one that stands is answered as a new one is. */
  readonly #holds = new Map<string, Hold>();
  /** Ids of which others' units may be part. */
  readonly #gathered = new Set<string>();
  /** Requests that may have done what they asked for. */
  readonly #unknown: string[] = [];

  /** Throws where a success does not say what was done. */
  note({ call, status, requestId, isReplay, asked, text }: FuzzAnswer): void {
    if (status === 504) this.#unknown.push(requestId);
    if (status === 200 && GIVEN_AWAY.test(call)) {
      this.#gathered.add(Held.parse(JSON.parse(text)).reservation.reservationId);
    }
    const way = WAYS.find((one) => one.status === status && one.call.test(call));
    if (way === undefined || isReplay) return;
    const effect = way.effectOf(JSON.parse(text), JSON.parse(asked));
    // Contract C adds nothing where it is asked to.
    if (effect.units === 0) return;
    const { reservationId } = effect;
    if (typeof reservationId !== "string") return void this.#effects.push({ ...effect, requestId });
    const hold: Hold = this.#holds.get(reservationId) ?? { effect, by: [] };
    hold.by.push(requestId);
    this.#holds.set(reservationId, hold);
  }

  acknowledged(): readonly Acknowledged[] {
    const own = [...this.#holds].filter(([id]) => !this.#gathered.has(id));
    const holds = own.map(([, { effect, by }]): Acknowledged => {
      const [requestId = "", ...others] = by;
      return { ...effect, requestId, orBy: [...others, ...this.#unknown] };
    });
    return [...this.#effects, ...holds];
  }
}
