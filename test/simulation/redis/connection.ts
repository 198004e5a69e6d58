/**
 * A connection of a process to Redis. What is sent arrives in order, after a while; where the
 * connection is cut, some of what is under way is lost, and some still arrives, late: after the process
 * has asked again on another one.
 */
import type { Event, Process, Scheduler } from "#simulation/scheduler";
import type { Reply } from "./commands.ts";
import type { ErrorReply } from "./keyspace.ts";
import type { SimulatedRedis } from "./server.ts";

/** Longest time for which a dead connection's data is on its way. */
export const LATE_MS_MAX = 3_000;
const NOTICE_MS_MAX = 40;

export type Answered = (reply: Reply | ErrorReply) => void;

interface Packet {
  readonly words: readonly string[];
  readonly answered: Answered;
  event: Event | null;
}

export interface ConnectionOptions {
  readonly scheduler: Scheduler;
  readonly server: SimulatedRedis;
  readonly owner: Process;
  readonly onClose: () => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #incarnation: number;
  /** As its process sees it. */
  isOpen = true;
  #isCut = false;
  /** Nothing gets through before; nobody is told. */
  #silentUntil = 0;
  #lastArrival = 0;
  #lastReturn = 0;
  #underWay: Packet[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#incarnation = options.server.incarnation;
    options.server.connections.add(this);
  }

  get owner(): Process {
    return this.#options.owner;
  }

  /** When the answer can be there at the earliest. */
  get silentUntil(): number {
    return this.#silentUntil;
  }

  send(words: readonly string[], answered: Answered): void {
    const { scheduler } = this.#options;
    const packet: Packet = { words, answered, event: null };
    this.#underWay.push(packet);
    const at = Math.max(
      this.#lastArrival,
      Math.max(scheduler.now, this.#silentUntil) + latency(scheduler),
    );
    this.#lastArrival = at;
    this.#travel(packet, at - scheduler.now);
  }

  /** For that long nothing arrives on either side. */
  silence(ms: number): void {
    const { scheduler } = this.#options;
    // A second silence that begins within the first does not add to it: it ends when it says.
    this.#silentUntil = Math.max(this.#silentUntil, scheduler.now + ms);
    for (const packet of this.#underWay) {
      const at = packet.event?.at ?? scheduler.now;
      this.#delay(packet, Math.max(0, this.#silentUntil - at));
    }
    this.#lastArrival = Math.max(this.#lastArrival, this.#silentUntil);
    this.#lastReturn = Math.max(this.#lastReturn, this.#silentUntil);
  }

  /** The network or the process ends it: of what is under way the first few may still arrive. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const { random, now } = this.#options.scheduler;
    const kept = random.whole(0, this.#underWay.length + 1);
    const late = random.next() < 0.5 ? 0 : random.next() * LATE_MS_MAX;
    for (const [i, packet] of this.#underWay.entries()) {
      if (i >= kept) forget(packet);
      else this.#delay(packet, late);
    }
    this.#silentUntil = Math.max(this.#silentUntil, now);
    this.#options.server.connections.delete(this);
    this.#notice();
  }

  /** Its server ended. */
  end(): void {
    this.#isCut = true;
    for (const packet of this.#underWay) forget(packet);
    this.#notice();
  }

  #notice(): void {
    const { scheduler, owner, onClose } = this.#options;
    const tell = (): void => {
      if (!this.isOpen) return;
      this.isOpen = false;
      onClose();
    };
    scheduler.after(scheduler.random.next() * NOTICE_MS_MAX, "close", tell, owner);
  }

  #delay(packet: Packet, ms: number): void {
    const left = (packet.event?.at ?? 0) - this.#options.scheduler.now;
    forget(packet);
    this.#travel(packet, left + ms);
  }

  #travel(packet: Packet, inMs: number): void {
    const arrive = (): void => this.#arrive(packet);
    packet.event = this.#options.scheduler.after(inMs, "request", arrive, null);
  }

  #arrive(packet: Packet): void {
    this.#underWay = this.#underWay.filter((one) => one !== packet);
    const { server } = this.#options;
    if (!server.isUp || server.incarnation !== this.#incarnation) return;
    const answer = (reply: Reply | ErrorReply): void => this.#return(packet, reply);
    const reply = server.run(this, packet.words, answer);
    if (reply !== undefined) answer(reply);
  }

  #return(packet: Packet, reply: Reply | ErrorReply): void {
    if (this.#isCut) return;
    const { scheduler, owner } = this.#options;
    const at = Math.max(this.#lastReturn, scheduler.now + latency(scheduler));
    this.#lastReturn = at;
    const deliver = (): void => {
      if (this.isOpen && !this.#isCut) packet.answered(reply);
    };
    scheduler.after(at - scheduler.now, "reply", deliver, owner);
  }
}

function forget(packet: Packet): void {
  if (packet.event) packet.event.work = null;
}

/** Mostly below a millisecond; now and then a queue somewhere. */
export function latency({ random }: Scheduler): number {
  const luck = random.next();
  if (luck < 0.9) return 0.05 + random.next() * 0.6;
  return luck < 0.99 ? random.next() * 15 : random.next() * 250;
}
