/** Histories that are written by hand, line by line. */
import { check, type Clock, type Verdict } from "./checker";
import { initialState, type Terms } from "./state";
import type { Answer, Command, Operation } from "./operations";

/** What is asked at 5 is asked at 5 by Redis's clock. */
export const CLOCK: Clock = { earliest: (at) => at, latest: (at) => at };
const FIRST_VERSION = 100;
const LIFE_SECONDS = 60;

type Time = readonly [from: number, to: number];
type More = Partial<Pick<Operation, "client" | "key" | "isReplay">>;

export const levels = (onHand: number, reserved: number, version: number): Answer => {
  return { kind: "levels", onHand, reserved, available: onHand - reserved, version };
};
export const short = (available: number): Answer => ({ kind: "short", available });
/** Made at that time, with the usual life. */
export const held = (
  holdId: string,
  units: number,
  made: number,
  state = "live" as const,
): Answer => {
  return { kind: "hold", holdId, state, units, made, due: dueOf(made) };
};
const dueOf = (made: number): number => Math.ceil(made / 1_000 + LIFE_SECONDS) * 1_000;
export const until = (answer: Answer, due: number): Answer =>
  answer.kind === "hold" ? { ...answer, due } : answer;
export const ended = (
  holdId: string,
  state: "confirmed" | "cancelled" | "expired" | "replaced" | "reassigned",
): Answer => {
  return { kind: "ended", holdId, state };
};
export const endedAs = (answer: Answer, state: "confirmed" | "cancelled" | "expired"): Answer =>
  answer.kind === "hold" ? { ...answer, state } : answer;

export const READ: Command = { verb: "read" };
export const CHECK: Command = { verb: "check" };
export const sell = (units: number): Command => ({ verb: "sell", units });
export const adjust = (units: number): Command => ({ verb: "adjust", units });
export const reserve = (owner: string, units: number, isCart = false): Command => {
  return { verb: "reserve", isCart, owner, units, seconds: LIFE_SECONDS };
};
/** Of who buys under a limit, and of the campaign's units. */
export const reserveAs = (owner: string, units: number, customer: string): Command => {
  return { verb: "reserve", isCart: false, owner, units, customer, seconds: LIFE_SECONDS };
};
export const reserveOfCampaign = (owner: string, units: number): Command => {
  return {
    verb: "reserve",
    isCart: false,
    isOfCampaign: true,
    owner,
    units,
    seconds: LIFE_SECONDS,
  };
};
export const confirm = (holdId: string): Command => ({ verb: "confirm", holdId });
export const cancel = (holdId: string): Command => ({ verb: "cancel", holdId });
export const extend = (holdId: string, seconds: number): Command => {
  return { verb: "extend", holdId, seconds };
};
export const reassign = (holdId: string, owner: string): Command => {
  return { verb: "reassign", holdId, owner };
};
export const lookup = (holdId: string): Command => ({ verb: "lookup", holdId });

/** A history is written line by line: when, what, and what was answered (null: unknown). */
export class Story {
  readonly operations: Operation[] = [];
  readonly #units: number;
  readonly #terms: Terms;

  constructor(units: number, terms: Terms = {}) {
    this.#units = units;
    this.#terms = terms;
  }

  add([invokedAt, to]: Time, command: Command, answer: Answer | null, more: More = {}): this {
    this.operations.push({
      id: this.operations.length + 1,
      client: more.client ?? `c${this.operations.length + 1}`,
      command,
      key: more.key ?? null,
      invokedAt,
      returnedAt: answer === null ? Infinity : to,
      answer,
      isReplay: more.isReplay ?? false,
    });
    return this;
  }

  /** Of other operations than its own, if they are given. */
  verdict(statesMax?: number, operations: readonly Operation[] = this.operations): Verdict {
    const initial = initialState(this.#units, FIRST_VERSION, this.#terms);
    return check({ initial, operations, clock: CLOCK }, statesMax);
  }
}
