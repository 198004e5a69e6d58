/** Contract A as the import calls it: over HTTP, with bounded retries under the same key. */
import { hash } from "node:crypto";
import { z } from "zod";
import { Stopped } from "#import/rows";

/** Above the service's own deadline, so that its answer comes first. */
const ANSWER_MS_MAX = 15_000;
/** A service that is away for longer ends the run, which may be started again. */
const RETRY_MS_MAX = 60_000;
const RETRY_PAUSE_MS_MAX = 5_000;
const RETRY_PAUSE_MS_MIN = 200;
const KEY_HEX_DIGITS = 32;

const Level = z.object({ location: z.string(), onHand: z.number() });

/** Of a product, what is compared. */
export const Inventory = z.object({
  productId: z.string(),
  sku: z.string(),
  name: z.string().nullable(),
  price: z.number().nullable(),
  totalStock: z.number(),
  reservedStock: z.number(),
  safetyStock: z.number(),
  lowStockThreshold: z.number(),
  reorderPoint: z.number(),
  reorderQuantity: z.number(),
  maxPerCustomer: z.number().nullable(),
  locations: z.array(Level),
  version: z.number(),
});
export type Inventory = z.output<typeof Inventory>;

const Errors = z.array(z.object({ path: z.string(), message: z.string() }));

/** What one call, or one item of a bulk call, was answered. */
export const Outcome = z.object({
  status: z.number(),
  code: z.string().optional(),
  message: z.string().optional(),
  replayed: z.boolean().optional(),
  inventory: Inventory.nullish(),
  errors: Errors.optional(),
});
export type Outcome = z.output<typeof Outcome>;

const Problem = z.object({ code: z.string(), message: z.string() });
const Results = z.object({ results: z.array(Outcome) });

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly replayed: boolean;
  /** Whether it was asked more than once: what is there may be of an earlier attempt. */
  readonly retried: boolean;
}

export interface Api {
  get(path: string): Promise<Answer>;
  /** Under a key made of path and body, and of `salt` where these may honestly repeat. */
  send(method: "POST" | "PATCH", path: string, body: object, salt?: string): Promise<Answer>;
  /** One outcome an item. An item that could not be decided now is sent again, with its call. */
  bulk(path: string, items: readonly object[]): Promise<BulkAnswer>;
}

export interface BulkAnswer {
  readonly outcomes: readonly Outcome[];
  readonly retried: boolean;
}

export interface ApiOptions {
  readonly url: string;
  readonly token: string;
  /** Milliseconds that only rise. */
  readonly clock: { now(): number };
}

/** Rejects with Stopped where the service stays away, or does not let this caller in. */
export function createApi({ url, token, clock }: ApiOptions): Api {
  const once = async (path: string, init: RequestInit): Promise<Response | Error> => {
    try {
      return await fetch(`${url}/api/inventory${path}`, {
        ...init,
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };

  /** Asks until there is an answer that a repeat would not change. */
  const ask = async (
    path: string,
    init: RequestInit,
    isUndecided: (body: unknown) => boolean = () => false,
  ): Promise<Answer> => {
    const giveUpAt = clock.now() + RETRY_MS_MAX;
    for (let attempt = 0; ; attempt += 1) {
      const response = await once(path, init);
      const answered = response instanceof Error ? response : await read(response);
      if (!(answered instanceof Error) && !isUndecided(answered.body)) {
        return { ...answered, retried: attempt > 0 };
      }
      if (clock.now() >= giveUpAt) {
        const why = answered instanceof Error ? answered.message : "items stay undecided";
        throw new Stopped(`${url} cannot be used: ${why}; run the import again to go on`);
      }
      const pause = RETRY_PAUSE_MS_MIN * 2 ** Math.min(attempt, 10);
      await Bun.sleep(Math.min(pause, RETRY_PAUSE_MS_MAX));
    }
  };

  const authorization = `Bearer ${token}`;
  const init = (method: string, path: string, body: object, salt: string): RequestInit => {
    const text = JSON.stringify(body);
    const digest = hash("sha256", JSON.stringify([method, path, salt, text]));
    const key = `import-${digest.slice(0, KEY_HEX_DIGITS)}`;
    const headers = {
      authorization,
      "content-type": "application/json",
      "idempotency-key": key,
    };
    return { method, headers, body: text };
  };

  return {
    get: (path) => ask(path, { headers: { authorization } }),
    send: (method, path, body, salt = "") => ask(path, init(method, path, body, salt)),
    async bulk(path, items) {
      const isUndecided = (given: unknown) =>
        Results.parse(given).results.some(({ status }) => isRetryable(status));
      const call = init("POST", path, { items }, "");
      const { status, body, retried } = await ask(path, call, (given) => {
        const refusal = Problem.safeParse(given);
        return !refusal.success && isUndecided(given);
      });
      if (status !== 200) throw new Stopped(`POST ${path} was refused: ${messageOf(body)}`);
      return { outcomes: Results.parse(body).results, retried };
    },
  };
}

const isRetryable = (status: number): boolean => status === 429 || status >= 500;

/** The answer as JSON; an error where it is worth asking again. */
async function read(response: Response): Promise<Omit<Answer, "retried"> | Error> {
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    return new Error(`HTTP ${response.status} without JSON`, { cause: error });
  }
  const { status } = response;
  if (status === 401 || status === 403) {
    throw new Stopped(`the service does not let this token in (${status}): ${messageOf(body)}`);
  }
  if (isRetryable(status)) return new Error(`HTTP ${status}: ${messageOf(body)}`);
  const replayed = response.headers.get("idempotency-replayed") === "true";
  return { status, body, replayed };
}

/** What a refusal says. */
export function messageOf(body: unknown): string {
  const { data } = Problem.safeParse(body);
  return data === undefined ? "an answer of another shape" : `${data.code}: ${data.message}`;
}
