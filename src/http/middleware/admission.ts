import { Fault } from "#inventory/faults";

/**
 * Requests of one process that are not answered yet, but for those whose body is still on its way. More
 * would be answered no sooner, only later: at 10 000 a second these wait 0.8 s. So long may Redis stand
 * still at that rate without anybody being refused.
 */
export const REQUESTS_MAX = 8_192;
/** Who is refused for want of room hears it at once, as long as these are no more in a second. */
export const REFUSED_AT_ONCE_MAX = 256;
/** The others hear it so much later. */
export const REFUSED_AFTER_MS = 1_000;
/** So many at most: beyond that it is said at once. */
const REFUSED_LATER_MAX = 16_384;

/** A request's place, if it has one. */
export interface Place {
  isInside: boolean;
  /** Milliseconds that it waited for its refusal: nobody worked for it meanwhile. */
  heldBackMs: number;
}

/**
 * Lets requests in while there is room, all contracts together. Who finds none hears 503 `overloaded`
 * before anything of it is read, verified or counted.
 *
 * Some come back at once whatever `Retry-After` says, and a refusal costs half of what a sale does: told
 * at once, a few thousand of them would leave the sales a sixth of the processor. So they wait.
 */
export class Admission {
  #inside = 0;
  #second = 0;
  #refusedInIt = 0;
  #waiting = 0;

  /** Takes a place, which must be given back; throws where there is none. */
  enter(place: Place): void {
    if (this.#inside >= REQUESTS_MAX) throw new Fault("overloaded", "too many are under way");
    this.#inside += 1;
    place.isInside = true;
  }

  /** Gives it back, if there is one. */
  leave(place: Place): void {
    if (!place.isInside) return;
    this.#inside -= 1;
    place.isInside = false;
  }

  /** Resolves when somebody who is refused may hear it: he gives his place back first. */
  async holdBack(place: Place): Promise<void> {
    this.leave(place);
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#refusedInIt] = [second, 0];
    this.#refusedInIt += 1;
    if (this.#refusedInIt <= REFUSED_AT_ONCE_MAX || this.#waiting >= REFUSED_LATER_MAX) return;
    this.#waiting += 1;
    const startedAt = performance.now();
    await Bun.sleep(REFUSED_AFTER_MS);
    place.heldBackMs += performance.now() - startedAt;
    this.#waiting -= 1;
  }
}
