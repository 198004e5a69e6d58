import type { Admission, Place } from "#http/middleware/admission";
import { Problem } from "#http/problem";
import type { Clock } from "#lib/clock";

/** Added to a request's deadline in the worst case; both together stay below Bun's idle timeout. */
const LOOK_EVERY_MS = 100;

/** Waits for what a caller still sends. */
export interface BodyDeadline {
  /** Its result, or `malformed_json` when it is not whole at `deadline` (milliseconds of the clock). */
  within<Value>(reading: Promise<Value>, sender: Sender): Promise<Value>;
}

/** Whose body it is; his place is another's while it is not there, for he may take his time. */
export interface Sender extends Place {
  readonly deadline: number;
}

interface Waiting {
  readonly deadline: number;
  readonly giveUp: () => void;
}

/**
 * Bounds the reading of bodies: a byte now and then would hold a request open for as long as its
 * sender likes. Nearly every body is there at the end of the turn that brought its head, so all
 * requests of a turn wait for that once, without a timer. For those that are not, there is one look
 * at all of them every `LOOK_EVERY_MS`, and only while there are any. Going on together at the end
 * of the turn takes a quarter less processor time than one by one (32 → 23 µs, without Redis).
 */
export function createBodyDeadline(clock: Clock, admission: Admission): BodyDeadline {
  const waiting = new Set<Waiting>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let endOfTurn: Promise<void> | undefined;

  const atEndOfTurn = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(() => {
        endOfTurn = undefined;
        resolve();
      });
    });

  const look = (): void => {
    if (waiting.size === 0) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    const now = clock.now();
    for (const entry of waiting) {
      if (entry.deadline > now) continue;
      waiting.delete(entry);
      entry.giveUp();
    }
  };

  const untilThere = <Value>(reading: Promise<Value>, deadline: number): Promise<Value> =>
    new Promise((resolve, reject) => {
      const entry = { deadline, giveUp: () => reject(incomplete("did not arrive in time")) };
      waiting.add(entry);
      timer ??= setInterval(look, LOOK_EVERY_MS);
      reading.then(
        (value) => {
          waiting.delete(entry);
          resolve(value);
        },
        (error: unknown) => {
          waiting.delete(entry);
          // Refused by its size; anything else is a connection that ended in the middle.
          reject(error instanceof Problem ? error : incomplete("ended too early"));
        },
      );
    });

  return {
    async within(reading, sender) {
      if (Bun.peek.status(reading) === "fulfilled") return reading;
      // It may fail before anybody listens, which would end the process.
      reading.catch(ignore);
      endOfTurn ??= atEndOfTurn();
      await endOfTurn;
      if (Bun.peek.status(reading) === "fulfilled") return reading;
      const wasInside = sender.isInside;
      admission.leave(sender);
      const value = await untilThere(reading, sender.deadline);
      if (wasInside) admission.enter(sender);
      return value;
    },
  };
}

function ignore(): void {}

/**
 * 400 and not 408: the contract knows no 408, and half a body is JSON that does not parse. The
 * connection ends with the answer, for what else would come on it is the rest of that body.
 */
function incomplete(what: string): Problem {
  return new Problem("malformed_json", `the body ${what}`, { headers: { connection: "close" } });
}
