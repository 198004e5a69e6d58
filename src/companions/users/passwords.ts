/** Passwords: argon2id, a few at a time, and as long for a name that nobody has. */
import { Refused } from "#companions/shell/app";

/** As OWASP names it for argon2id: 19 MiB, two passes. */
const COST = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** A hash is some 30 ms of a processor: more of them at once would only wait for each other. */
const AT_ONCE_MAX = 4;
const WAITING_MAX = 200;
/** Then whoever waits is told to come again: its work would be done for a caller who has given up. */
const WAIT_MS_MAX = 4_000;

export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #nobody: Promise<string>;

  constructor() {
    this.#nobody = Bun.password.hash(crypto.randomUUID(), COST);
  }

  hash(password: string): Promise<string> {
    return this.#inTurn(() => Bun.password.hash(password, COST));
  }

  /** `hash` null: there is no such account, which takes as long to say. */
  async fits(password: string, hash: string | null): Promise<boolean> {
    const against = hash ?? (await this.#nobody);
    const fits = await this.#inTurn(() => Bun.password.verify(password, against));
    return fits && hash !== null;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= AT_ONCE_MAX) await this.#turn();
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Resolves when a place is handed over. */
  #turn(): Promise<void> {
    const tooMany = new Refused(503, "too many sign in at once, try again in a moment");
    if (this.#waiting.length >= WAITING_MAX) throw tooMany;
    return new Promise((resolve, reject) => {
      const given = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(given), 1);
        reject(tooMany);
      }, WAIT_MS_MAX);
      this.#waiting.push(given);
    });
  }
}
