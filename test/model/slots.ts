/** What a slot makes of a batch: by its number Redis knows a copy, and what it answered to the first. */
import { batchKey } from "#redis/keys";
import { same } from "#model/same";
import { sha1 } from "#model/seen";
import type { Heard, WordCounts } from "#model/tap";
import type { World } from "#model/world";

/** What a slot's key keeps, and the call that it keeps it for. */
export interface KeptBatch {
  readonly call: Heard;
  readonly world: World;
  readonly text: string;
  /** Of the text: it is compared after each step. */
  readonly hash: string;
}

/** Key of a slot → its last batch, and whether one before it may still be on its way. */
export type Slots = Map<string, { readonly number: string; readonly isHaunted: boolean }>;

/** What must have been seen of batches that were given up too early, and sent again. */
export const SENT_AGAIN = {
  fromSlot: "sent again: the first copy ran late, its answer was kept",
  kept: "sent again: nothing was changed, the answer is kept",
} as const;

interface Slotted {
  readonly slots: Slots;
  readonly batches: Map<string, KeptBatch>;
  readonly words: WordCounts;
}

/** A batch on its way to be decided. */
export class SlottedBatch {
  readonly #run: Slotted;
  readonly #world: World;
  readonly #call: Heard;
  readonly #key: string;
  readonly #number: string;
  /** Whether it comes a second time. */
  readonly isAgain: boolean;
  readonly #isKept: boolean;

  /** Holds it against the slot: it asks for its answer to be kept where a copy may be on its way. */
  constructor(run: Slotted, world: World, call: Heard) {
    const [, , writer = "", slot = "", number = "", keep] = (call.args[0] ?? "").split("\t");
    this.#run = run;
    this.#world = world;
    this.#call = call;
    this.#key = batchKey(world.partition, writer, slot);
    this.#number = number;
    const last = run.slots.get(this.#key);
    const isHaunted = last?.isHaunted === true;
    this.isAgain = last?.number === number;
    this.#isKept = this.isAgain || isHaunted;
    same(`keep of ${call.path}`, keep, this.#isKept ? "1" : "0");
    run.slots.set(this.#key, { number, isHaunted });
  }

  /** Whether its first copy has left an answer: nothing is decided, and that is answered again. */
  isAnswered(): boolean {
    const kept = this.#run.batches.get(this.#key);
    if (kept?.text.startsWith(`${this.#number}\n`) !== true) return false;
    same(`answer of ${this.#call.path} to a copy`, this.#textOf(this.#call.reply), kept.text);
    this.#run.words.count(SENT_AGAIN.fromSlot);
    this.#leave(false);
    return true;
  }

  /** A full journal refused it. Where a copy was sent before, that one may still run. */
  refused(): void {
    if (this.isAgain) this.#leave(true);
  }

  /** It was decided: its answer is kept where something hangs on it, and where a copy may come. */
  decided(hasEffect: boolean): void {
    if (this.isAgain && !hasEffect) this.#run.words.count(SENT_AGAIN.kept);
    if (hasEffect || this.#isKept) {
      const text = this.#textOf(this.#call.reply);
      const kept = { call: this.#call, world: this.#world, text, hash: sha1(text) };
      this.#run.batches.set(this.#key, kept);
    }
    this.#leave(false);
  }

  #leave(isHaunted: boolean): void {
    this.#run.slots.set(this.#key, { number: this.#number, isHaunted });
  }

  #textOf(reply: unknown): string {
    return `${this.#number}\n${String(reply)}`;
  }
}
