import { Fault } from "#inventory/faults";

/**
 * Requests of one process that are read and not answered yet. More would be answered no sooner, only
 * later: at 10 000 a second these wait 0.4 s, and as long as a stalled Redis is away.
 */
export const REQUESTS_MAX = 4_096;

/**
 * Lets requests in while there is room, all contracts together. Who finds none hears 503 `overloaded`
 * before anything of it is read or verified: that is cheap for us, and of use to whom it is told.
 */
export class Admission {
  #inside = 0;

  /** Throws where there is no room. */
  mustHaveRoom(): void {
    if (this.#inside >= REQUESTS_MAX) throw overloaded();
  }

  /** Takes a place, which must be given back; throws where there is none. */
  enter(): void {
    this.mustHaveRoom();
    this.#inside += 1;
  }

  leave(): void {
    this.#inside -= 1;
  }
}

const overloaded = (): Fault => new Fault("overloaded", "too many requests are under way");
