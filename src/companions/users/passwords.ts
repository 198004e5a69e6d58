/** Passwords: argon2id, a few at a time, and as long for a name that nobody has. */
import { Refused } from "#companions/shell/app";

/** As OWASP names it for argon2id: 19 MiB, two passes. */
const COST = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** A hash is some 30 ms of a processor: more of them at once would only wait for each other. */
const AT_ONCE_MAX = 4;
const WAITING_MAX = 200;

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
    if (this.#running >= AT_ONCE_MAX) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw new Refused(503, "too many sign in at once, try again in a moment");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
