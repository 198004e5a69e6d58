/**
 * Virtual time and one thread for a whole system: events run one after another in an order that a
 * seed decides. Between two events all microtasks of the first have run, so that a process goes on
 * only where an event lets it, and never once it was killed.
 */
import { drainMicrotasks } from "bun:jsc";
import type { Random } from "#test/random";

/** A process of the simulated system; what belongs to a dead one never runs. */
export class Process {
  readonly name: string;
  isAlive = true;
  /** Until then it stands still (a collection of garbage, a stopped machine); then it catches up. */
  pausedUntil = -1_000;
  /** What happens to it in the middle of a turn, after so many things more that it sends. */
  fate: { sendsLeft: number; readonly strike: () => void } | null = null;
  /** How far its machine's clock is ahead. */
  readonly clockAheadMs: number;

  constructor(name: string, clockAheadMs: number) {
    this.name = name;
    this.clockAheadMs = clockAheadMs;
  }
}

export interface Event {
  at: number;
  readonly order: number;
  readonly owner: Process | null;
  readonly kind: string;
  /** null once it was cancelled. */
  work: (() => void) | null;
}

/** Events of one run, beyond which it hangs. */
const EVENTS_MAX = 400_000;

export class Scheduler {
  readonly random: Random;
  /** Milliseconds since the run began. */
  now = 0;
  /** Whose event is running. */
  current: Process | null = null;
  /** Of all that happened: runs of one seed have the same. */
  hash = 0x811c9dc5;
  events = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  /** Runs `work` in that many milliseconds, as long as its process lives. */
  after(delayMs: number, kind: string, work: () => void, owner = this.current): Event {
    this.#order += 1;
    const at = this.now + Math.max(0, delayMs);
    const event: Event = { at, order: this.#order, owner, kind, work };
    this.#push(event);
    return event;
  }

  /** Runs as that process, at once. */
  as(owner: Process | null, work: () => void): void {
    const before = this.current;
    this.current = owner;
    work();
    drainMicrotasks();
    this.current = before;
  }

  /** Runs events until that time. */
  runUntil(end: number): void {
    for (;;) {
      const [next] = this.#heap;
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.work === null || next.owner?.isAlive === false) continue;
      if (next.owner !== null && next.owner.pausedUntil > next.at) {
        next.at = next.owner.pausedUntil;
        this.#push(next);
        continue;
      }
      this.#run(next);
    }
    this.now = end;
  }

  /** Mixes something that happened into the hash. */
  note(value: number): void {
    this.hash = Math.imul(this.hash ^ value, 0x01000193) >>> 0;
  }

  #run(event: Event): void {
    this.events += 1;
    if (this.events > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events: it hangs`);
    this.now = event.at;
    this.note(event.order ^ Math.floor(event.at * 1_000));
    const { work } = event;
    event.work = null;
    if (work) this.as(event.owner, work);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const one = heap[left];
      const other = heap[left + 1];
      if (one === undefined) break;
      const isRight = other !== undefined && isBefore(other, one);
      const child = isRight ? other : one;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
  }
}

const isBefore = (one: Event, other: Event): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);
