import { Fault } from "#inventory/faults";

/**
 * Requests of one process that are not answered yet, but for those whose body is still on its way. More
 * would be answered no sooner, only later: at 10 000 a second these wait 0.4 s.
 */
export const REQUESTS_MAX = 4_096;

/** A request's place, if it has one. */
export interface Place {
  isInside: boolean;
}

/**
 * Lets requests in while there is room, all contracts together. Who finds none hears 503 `overloaded`
 * before anything of it is read, verified or counted: cheap for us, and of use to whom it is told.
 */
export class Admission {
  #inside = 0;

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
}
