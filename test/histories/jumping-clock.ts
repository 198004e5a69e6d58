/** What Redis's clock can show at a moment of this process, while tests let it jump ahead. */
import type { FalseClock } from "#test/false-clock";
import type { Clock } from "./checker";

/** What the clocks of two processes of one machine may seem apart, with what is rounded away. */
const SLACK_MS = 5;
const SECOND = 1_000;

interface Jump {
  /** Of this process: before the first it has not jumped, behind the second it has. */
  readonly begins: number;
  readonly ends: number;
  /** From the true time, after it. */
  readonly offsetMs: number;
}

export class JumpingClock implements Clock {
  readonly #redis: FalseClock;
  readonly #jumps: Jump[] = [{ begins: -Infinity, ends: -Infinity, offsetMs: 0 }];
  /** The true time at zero of this process's clock; taken anew now and then, as that one drifts. */
  #zero = zero();

  constructor(redis: FalseClock) {
    this.#redis = redis;
  }

  /** Forgets all jumps but the last: a new history begins, and nothing is asked about older ones. */
  begin(): void {
    this.#jumps.splice(0, this.#jumps.length - 1);
    this.#zero = zero();
  }

  get jumps(): number {
    return this.#jumps.length - 1;
  }

  ahead(ms: number): void {
    const offsetMs = this.#offsetAt(() => true) + Math.max(0, ms);
    const begins = performance.now();
    this.#redis.set(offsetMs / SECOND);
    this.#jumps.push({ begins, ends: performance.now(), offsetMs });
  }

  /** So that it shows that moment now; or one that is later already. */
  to(moment: number): void {
    this.ahead(moment - this.latest(performance.now()));
  }

  earliest(at: number): number {
    return Math.floor(this.#zero + at + this.#offsetAt(({ ends }) => ends <= at)) - SLACK_MS;
  }

  latest(at: number): number {
    return Math.ceil(this.#zero + at + this.#offsetAt(({ begins }) => begins <= at)) + SLACK_MS;
  }

  #offsetAt(isOver: (jump: Jump) => boolean): number {
    return this.#jumps.findLast(isOver)?.offsetMs ?? 0;
  }
}

const zero = (): number => Date.now() - performance.now();
