/** A circuit breaker for each instance: one that is silent again and again is left alone for a while. */
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from "cockatiel";
import type { Place } from "#companions/gateway/instances";

/** Failures in a row that open it. */
const FAILURES_MAX = 3;
/** Then one request tries whether it is well again. */
const OPEN_MS = 3_000;
/** Instances come and go: those that were not used longest are forgotten. */
const BREAKERS_MAX = 1_000;

export interface Failure {
  /** Whether the request may have reached it. */
  readonly mayHaveRun: boolean;
  /** What it answered; null: nothing. */
  readonly response: Response | null;
  /**
   * Whether that speaks against the instance. One that says that it cannot, for now, is asked again: many
   * callers are refused for a reason of their own. One whose caller went away said nothing at all.
   */
  readonly isSilent: boolean;
}

/** An instance that did not answer, or answered that it cannot. */
export class InstanceFailed extends Error {
  readonly failure: Failure;

  constructor(why: string, failure: Failure) {
    super(why);
    this.name = "InstanceFailed";
    this.failure = failure;
  }
}

const LEFT_ALONE: Failure = { mayHaveRun: false, response: null, isSilent: false };

export class Breakers {
  readonly #breakers = new Map<string, CircuitBreakerPolicy>();

  /** Whether a request may be sent there. */
  isOpen({ url }: Place): boolean {
    return this.#breakers.get(url)?.state === CircuitState.Open;
  }

  /** Sends through its breaker; rejects with InstanceFailed. */
  async run(place: Place, send: () => Promise<Response>): Promise<Response> {
    try {
      return await this.#of(place).execute(send);
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error;
      throw new InstanceFailed(`${place.instanceId} is left alone for a while`, LEFT_ALONE);
    }
  }

  #of({ url }: Place): CircuitBreakerPolicy {
    const found =
      this.#breakers.get(url) ??
      circuitBreaker(
        handleWhen((error) => error instanceof InstanceFailed && error.failure.isSilent),
        { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_MAX) },
      );
    this.#breakers.delete(url);
    this.#breakers.set(url, found);
    const [oldest] = this.#breakers.keys();
    if (this.#breakers.size > BREAKERS_MAX && oldest !== undefined) this.#breakers.delete(oldest);
    return found;
  }
}
