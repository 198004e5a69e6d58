/** Calls the service as a client should: the same identity again until an answer is certain. */
import { z } from "zod";
import { randomId } from "#lib/ids";

/** Longer than any deadline of the service: whoever needs more has lost the request. */
const ANSWER_MS_MAX = 9_000;
const RETRY_PAUSE_MS = 50;
/** Longer than any outage of a test. */
const GIVE_UP_MS = 30_000;
/** "Not now", and "perhaps": both are repeated under the same identity. */
const RETRIED: ReadonlySet<number> = new Set([503, 504]);

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Behind `/api/inventory`. */
  readonly path: string;
  readonly token: string;
  readonly body?: object;
  /** The `Idempotency-Key`. */
  readonly key?: string;
  /** On a connection of its own: one that was idle may end by its time at the moment it is used. */
  readonly fresh?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
  /** All attempts of one request bear it, and so do the movements it made. */
  readonly requestId: string;
}

/** Statuses, and attempts that met no answer. */
export type Tally = Map<string, number>;

export const count = (tally: Tally, name: string): void =>
  void tally.set(name, (tally.get(name) ?? 0) + 1);

export class Caller {
  /** Every attempt, by verb and status (or `no answer`). */
  readonly attempts: Tally = new Map();
  readonly #urls: readonly string[];
  #turn = 0;

  /** With several, each attempt goes to the next: a repeat may meet another process. */
  constructor(...urls: string[]) {
    this.#urls = urls.map((url) => url.replace(/\/$/, ""));
  }

  /** One attempt; rejects when there is no answer. */
  async once(request: Request, requestId = randomId(16)): Promise<Answer> {
    const { method, path, token, body, key, fresh = false } = request;
    const url = this.#urls[(this.#turn += 1) % this.#urls.length];
    const response = await fetch(`${url}/api/inventory${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        "x-request-id": requestId,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      keepalive: !fresh,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await response.text();
    const { status, headers } = response;
    return { status, body: text === "" ? null : JSON.parse(text), headers, requestId };
  }

  /** One attempt that is counted; null when there is no answer. */
  async attempt(request: Request, requestId = randomId(16)): Promise<Answer | null> {
    const verb = verbOf(request);
    try {
      const answer = await this.once(request, requestId);
      count(this.attempts, `${verb} ${answer.status}`);
      return answer;
    } catch {
      count(this.attempts, `${verb} no answer`);
      return null;
    }
  }

  /** Attempts until one is answered with anything but "not now"; rejects after 30 s. */
  async call(request: Request, requestId = randomId(16)): Promise<Answer> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      const answer = await this.attempt(request, requestId);
      if (answer !== null && !RETRIED.has(answer.status)) return answer;
      if (performance.now() > giveUpAt) {
        throw new Error(`${verbOf(request)}: no answer in ${GIVE_UP_MS} ms`);
      }
      await Bun.sleep(RETRY_PAUSE_MS);
    }
  }
}

/** `reserve`, `stock`, `initialize` …: the last word of the path, or what the ids stand under. */
const verbOf = ({ method, path }: Request): string => {
  const words = path.split("/").filter((word) => /^[a-z-]+$/.test(word));
  return `${method} ${words.at(-1) ?? path}`;
};

const Line = z.object({ productId: z.string(), quantity: z.int(), confirmed: z.int() });
const ReservationBody = z.object({
  reservation: z.object({
    reservationId: z.string(),
    quantity: z.int().nullable(),
    status: z.enum(["ACTIVE", "CONFIRMED", "CANCELLED", "EXPIRED"]),
    lines: z.array(Line),
    expiresAt: z.iso.datetime(),
  }),
});
const Count = z.int().min(0);
const Inventory = z.object({
  productId: z.string(),
  availableStock: Count,
  reservedStock: Count,
  totalStock: Count,
  safetyStock: Count,
  version: z.int().min(1),
});
const InventoryBody = z.object({ inventory: Inventory });

export const reservationIn = (answer: Answer) => ReservationBody.parse(answer.body).reservation;
export const inventoryIn = (answer: Answer) => InventoryBody.parse(answer.body).inventory;
/** Of a read, which answers it bare; no count of it is negative. */
export const inventoryOf = (answer: Answer) => Inventory.parse(answer.body);
export const codeIn = (answer: Answer): string =>
  z.object({ code: z.string() }).parse(answer.body).code;
