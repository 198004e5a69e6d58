/** What a history is made of, as one product sees it: who asked what, when, and what was answered. */

/** `seconds` is the life that a hold is asked to have. */
export type Command =
  | {
      readonly verb: "reserve";
      /** A cart is refused as a whole, so that a product of it may be refused without being short. */
      readonly isCart: boolean;
      /** The same owner means the same hold. */
      readonly owner: string;
      readonly units: number;
      readonly seconds: number;
      /** Whose it shall be; not given: nobody's, to whom no limit is. */
      readonly customer?: string;
      /** Of the units that the campaign has aside, and of no others. */
      readonly isOfCampaign?: boolean;
    }
  | { readonly verb: "confirm" | "cancel"; readonly holdId: string }
  | { readonly verb: "lookup"; readonly holdId: string }
  | { readonly verb: "extend"; readonly holdId: string; readonly seconds: number }
  /** To that owner, as reserve has it. */
  | {
      readonly verb: "reassign";
      readonly holdId: string;
      readonly owner: string;
      readonly customer?: string;
    }
  | { readonly verb: "sell" | "adjust"; readonly units: number }
  | { readonly verb: "read" | "check" };

export type HoldState = "live" | "confirmed" | "cancelled" | "expired" | "replaced" | "reassigned";

/** Times are of Redis's clock, in milliseconds. */
export type Answer =
  | {
      readonly kind: "levels";
      readonly onHand: number;
      readonly reserved: number;
      /** What everybody may have: without what a campaign has aside. */
      readonly available: number;
      readonly version: number;
    }
  | { readonly kind: "available"; readonly units: number }
  | {
      readonly kind: "hold";
      readonly holdId: string;
      readonly state: HoldState;
      readonly units: number;
      readonly due: number;
      readonly made: number;
    }
  /** Refused: there are not enough units. */
  | { readonly kind: "short"; readonly available: number }
  /** Refused: its customer may have so many more. */
  | { readonly kind: "above_limit"; readonly left: number }
  /** Of a cart that was refused for another product. */
  | { readonly kind: "not_short" }
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  /** Refused: the hold ended so. */
  | { readonly kind: "ended"; readonly holdId: string; readonly state: HoldState }
  | { readonly kind: "no_such_hold" };

/** Of one attempt. One that failed for certain has had no effect, and is not part of a history. */
export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly command: Command;
  /** The `Idempotency-Key`: attempts that share it are one operation. */
  readonly key: string | null;
  /** Milliseconds of the one clock of the process that asks. */
  readonly invokedAt: number;
  /** Infinity: nobody knows whether it took effect, and it may do so at any time, or never. */
  readonly returnedAt: number;
  /** null: not known. */
  readonly answer: Answer | null;
  /** Whether the answer said that it is an earlier one again. */
  readonly isReplay: boolean;
}

/** One line for people. */
export function told({ id, client, command, key, answer, isReplay, ...at }: Operation): string {
  const { verb, ...asked } = command;
  const back = Number.isFinite(at.returnedAt) ? at.returnedAt.toFixed(1) : "never";
  const said = answer === null ? "unknown" : `${isReplay ? "replay " : ""}${textOf(answer)}`;
  const name = key === null ? "" : ` key ${key}`;
  return `#${id} ${client} ${at.invokedAt.toFixed(1)}–${back}: ${verb} ${textOf(asked)}${name} → ${said}`;
}

export const textOf = (value: object): string =>
  Object.entries(value)
    .map(([name, one]) => (name === "kind" ? String(one) : `${name} ${String(one)}`))
    .join(" ");
