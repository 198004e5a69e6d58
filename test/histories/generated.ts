/**
 * Histories that are sound because they come from an execution: one operation after the other at exact
 * moments, told afterwards as if each had taken longer, and as if some had never been answered.
 */
import * as fc from "fast-check";
import { agreed } from "./agree";
import { expiries, outcomes } from "./model";
import { initialState, LIFE_SECONDS_MAX, type Expected, type State } from "./state";
import type { Answer, Command, Operation } from "./operations";

export const FIRST_VERSION = 100;
const UNITS_MAX = 12;
const STEPS_MIN = 10;
const STEPS_MAX = 40;
const OWNERS = 3;
const KEYS = 6;
/** Of what one customer may have. */
const LIMIT_MAX = 4;
const LIFE_SECONDS = 2;
/** Longer than a step: operations before and behind it are under way at the same time. */
const SPREAD_MS_MAX = 60;
const STEP_MS_MAX = 20;
/** Two of these and what was held is due. */
const PAUSE_MS = 1_500;

const VERBS = [
  "reserve",
  "reserve",
  "confirm",
  "cancel",
  "extend",
  "reassign",
  "lookup",
  "sell",
  "adjust",
  "read",
  "check",
] as const;

const Step = fc.record({
  verb: fc.constantFrom(...VERBS),
  owner: fc.nat(OWNERS - 1),
  units: fc.integer({ min: 1, max: 4 }),
  isLess: fc.boolean(),
  /** None for most. */
  key: fc.option(fc.nat(KEYS - 1), { freq: 2 }),
  hold: fc.nat(),
  outcome: fc.nat(),
  fate: fc.constantFrom("heard", "heard", "heard", "heard", "heard", "lost", "never"),
  waitsMs: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: STEP_MS_MAX }) },
    { weight: 1, arbitrary: fc.constant(PAUSE_MS) },
  ),
  beforeMs: fc.nat(SPREAD_MS_MAX),
  afterMs: fc.nat(SPREAD_MS_MAX),
  isReleased: fc.boolean(),
  isOfCampaign: fc.boolean(),
});
type Step = typeof Step extends fc.Arbitrary<infer Value> ? Value : never;

const planOf = (minLength: number, maxLength: number) =>
  fc.record({
    units: fc.nat(UNITS_MAX),
    fence: fc.oneof(fc.constant(0), fc.nat(UNITS_MAX)),
    limit: fc.option(fc.integer({ min: 1, max: LIMIT_MAX })),
    steps: fc.array(Step, { minLength, maxLength, size: "max" }),
  });
export const Plan = planOf(STEPS_MIN, STEPS_MAX);
export const ShortPlan = planOf(3, STEPS_MIN);
export type Plan = typeof Plan extends fc.Arbitrary<infer Value> ? Value : never;

/** What the plan begins with; a campaign has no more aside than there is. */
export const initialOf = ({ units, fence, limit }: Plan): State =>
  initialState(units, FIRST_VERSION, { fence: Math.min(units, fence), limit });

export function execute(plan: Plan): Operation[] {
  const { steps } = plan;
  const execution = new Execution(initialOf(plan));
  return steps.flatMap((step, i) => execution.next(step, i + 1));
}

/** Two buy under the limit, and one is nobody. */
const whose = (owner: number) => (owner < 2 ? { customer: `c${owner}` } : {});

class Execution {
  #state: State;
  #now = 1_000;
  #version = FIRST_VERSION;
  readonly #heard: string[] = [];
  /** A key is of one command. */
  readonly #commands = new Map<number, Command>();

  constructor(state: State) {
    this.#state = state;
  }

  next(step: Step, id: number): Operation[] {
    this.#now += step.waitsMs;
    if (step.isReleased) this.#release();
    const command = this.#commandOf(step);
    if (command === null) return [];
    const isNamed = step.key !== null && command.verb !== "read" && command.verb !== "check";
    const key = isNamed ? `key-${step.key}` : null;
    const asked = { id, client: "c", command, key, invokedAt: this.#now - step.beforeMs };
    const lost = { ...asked, returnedAt: Infinity, answer: null, isReplay: false };
    if (step.fate === "never") return [lost];
    const come = () =>
      outcomes(this.#state, asked, { from: this.#now, to: this.#now, unheardSince: null });
    // Nobody is refused while something is due.
    while (come().length === 0) this.#release();
    const all = come();
    const outcome = all[step.outcome % all.length];
    if (!outcome) throw new Error(`nothing can come of ${command.verb}`);
    const { isReplay } = outcome;
    const isChange = outcome.state.version === null;
    if (isChange) this.#version = Math.max(this.#version + step.units, outcome.state.versionFrom);
    const answer = this.#answerOf(outcome.expected, outcome.state, id);
    const heard = { ...asked, returnedAt: this.#now + step.afterMs, answer, isReplay };
    const known = agreed(outcome, heard, answer);
    if (!known) throw new Error(`the model does not agree with itself at ${command.verb}`);
    this.#state = { ...known, version: this.#version, versionFrom: this.#version };
    if (step.fate === "lost") return [lost];
    if (answer.kind === "hold") this.#heard.push(answer.holdId);
    return [heard];
  }

  #release(): void {
    for (const due of [...expiries(this.#state, this.#now).values()].slice(0, 1)) {
      this.#version += 1;
      this.#state = { ...due, version: this.#version, versionFrom: this.#version };
    }
  }

  /** Null: nobody knows a hold yet. */
  #commandOf(step: Step): Command | null {
    const known = step.key === null ? undefined : this.#commands.get(step.key);
    const command = known ?? this.#newCommand(step);
    if (command !== null && step.key !== null) this.#commands.set(step.key, command);
    return command;
  }

  #newCommand({ verb, owner, units, isLess, hold, isOfCampaign }: Step): Command | null {
    const holdId = this.#heard[hold % Math.max(1, this.#heard.length)];
    switch (verb) {
      case "reserve":
        return {
          verb,
          isCart: false,
          owner: `o${owner}`,
          units,
          seconds: LIFE_SECONDS,
          isOfCampaign: isOfCampaign && this.#state.fence > 0,
          ...whose(owner),
        };
      case "sell":
        return { verb, units };
      case "adjust":
        return { verb, units: isLess ? -units : units };
      case "read":
      case "check":
        return { verb };
      case "confirm":
      case "cancel":
      case "lookup":
        return holdId === undefined ? null : { verb, holdId };
      case "reassign":
        return holdId === undefined ? null : { verb, holdId, owner: `o${owner}`, ...whose(owner) };
      case "extend":
        return holdId === undefined
          ? null
          : { verb, holdId, seconds: isLess ? LIFE_SECONDS_MAX : LIFE_SECONDS + units };
    }
  }

  /** With the names that a service would give: a hold is called by who made it. */
  #answerOf(expected: Expected, { names }: State, id: number): Answer {
    const nameOf = (hold: number): string => {
      const [holdId = `h${id}`] = [...names].find(([, one]) => one === hold) ?? [];
      return holdId;
    };
    switch (expected.kind) {
      case "levels": {
        const { onHand, reserved, available, version } = expected;
        const counts = { onHand, reserved, available };
        return { kind: "levels", ...counts, version: version ?? this.#version };
      }
      case "hold": {
        const { state, units, due, made } = expected;
        return {
          kind: "hold",
          holdId: nameOf(expected.hold),
          state,
          units,
          due: due.from,
          made: made.from,
        };
      }
      case "ended":
        return { kind: "ended", holdId: nameOf(expected.hold), state: expected.state };
      case "available":
      case "short":
      case "above_limit":
      case "not_short":
      case "below_reserved":
      case "no_such_hold":
        return expected;
    }
  }
}

/** The same with one thing of the answer that is wrong; null where there is nothing to get wrong. */
export function spoiled(answer: Answer, which: number): Answer | null {
  switch (answer.kind) {
    case "levels": {
      const { onHand, reserved, version } = answer;
      return (
        [
          { ...answer, onHand: onHand + 1 },
          { ...answer, reserved: reserved + 1 },
          { ...answer, version: version - 1 },
          { ...answer, onHand: onHand - 1 },
        ][which % 4] ?? null
      );
    }
    case "available":
      return { ...answer, units: answer.units + (which % 2 === 0 ? 1 : -1) };
    case "hold": {
      const state = answer.state === "confirmed" ? "cancelled" : "confirmed";
      return (
        [
          { ...answer, units: answer.units + 1 },
          { ...answer, state } as const,
          { ...answer, due: answer.due - 1_000 },
          { ...answer, holdId: "another" },
        ][which % 4] ?? null
      );
    }
    case "short":
      return { ...answer, available: answer.available + 1 };
    case "above_limit":
      return { ...answer, left: answer.left + 1 };
    case "below_reserved":
      return { ...answer, onHand: answer.onHand + 1 };
    case "ended":
      return { ...answer, state: answer.state === "confirmed" ? "cancelled" : "confirmed" };
    case "not_short":
    case "no_such_hold":
      return null;
  }
}
