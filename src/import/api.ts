/**
 * The service as the import calls it: over HTTP, with bounded retries under the same key. It may not
 * be ours that answers there, so each answer is read up to a bound, and read by its schema. The typed
 * client is not used: it speaks contract A alone, believes what is answered, and does not say whether
 * that is a replay.
 */
import { hash } from "node:crypto";
import { z } from "zod";
import { BulkChanged } from "#http/wire/answers";
import { Stopped, type RowError } from "#import/rows";
import { boundedText } from "#lib/bounded-text";

/** Above the service's own deadline, so that its answer comes first. */
const ANSWER_MS_MAX = 15_000;
/** A service that is away for longer ends the run, which may be started again. */
const RETRY_MS_MAX = 60_000;
const RETRY_PAUSE_MS_MAX = 5_000;
const RETRY_PAUSE_MS_MIN = 200;
const KEY_HEX_DIGITS = 32;

/** Far above the largest answer, a bulk call of 500 products at many locations each. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Where contract A is. */
export const BASE = "/api/inventory";

/** What one item of a bulk call was answered. */
export type Outcome = z.output<typeof BulkChanged>["results"][number];

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly replayed: boolean;
  /** Whether it was asked more than once: what is there may be of an earlier attempt. */
  readonly retried: boolean;
}

export interface Api {
  /** Paths are whole: they say whose contract is meant. */
  get(path: string): Promise<Answer>;
  /** Under a key made of path and body, and of `salt` where these may honestly repeat. */
  send(
    method: "POST" | "PATCH" | "PUT",
    path: string,
    body: object,
    salt?: string,
  ): Promise<Answer>;
  /** One outcome an item. An item that could not be decided now is sent again, with its call. */
  bulk(path: string, items: readonly object[]): Promise<BulkAnswer>;
}

export interface BulkAnswer {
  readonly outcomes: readonly Outcome[];
  readonly retried: boolean;
}

/** A token, and where it comes from, for who is not let in with it. */
export interface FoundToken {
  readonly token: string;
  readonly from: string;
}

export interface ApiOptions {
  readonly url: string;
  readonly token: FoundToken;
  /** Milliseconds that only rise. */
  readonly clock: { now(): number };
}

/** Rejects with Stopped where the service stays away, or does not let this caller in. */
export function createApi({ url, token: { token, from }, clock }: ApiOptions): Api {
  const once = async (path: string, init: RequestInit): Promise<Read | Error> => {
    try {
      const response = await fetch(`${url}${path}`, {
        ...init,
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      const answer = await read(response);
      if (answer instanceof Error || (answer.status !== 401 && answer.status !== 403))
        return answer;
      const { status, body } = answer;
      throw new Stopped(
        `${url} does not let this token in (${status}): ${messageOf(body)}\nThe token: ${from}`,
      );
    } catch (error) {
      if (error instanceof Stopped) throw error;
      if (error instanceof RangeError) {
        const advice = "is it Holdfast that answers there?";
        throw new Stopped(`${url}${path}: ${error.message}; ${advice}`, { cause: error });
      }
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
      const answered = await once(path, init);
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
        BulkChanged.safeParse(given).data?.results.some(({ status }) => isRetryable(status));
      const call = init("POST", path, { items }, "");
      const { status, body, retried } = await ask(
        path,
        call,
        (given) => isUndecided(given) ?? false,
      );
      if (status !== 200) throw new Stopped(`POST ${path} was refused: ${messageOf(body)}`);
      return { outcomes: shaped(BulkChanged, body, path).results, retried };
    },
  };
}

const isRetryable = (status: number): boolean => status === 429 || status >= 500;

type Read = Omit<Answer, "retried">;

/** The answer as JSON; an error where it is worth asking again. */
async function read(response: Response): Promise<Read | Error> {
  const text = await boundedText(response, ANSWER_BYTES_MAX);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    return new Error(`HTTP ${response.status} without JSON`, { cause: error });
  }
  const { status } = response;
  // A list from a ledger that has not caught up may lack what is asked for.
  if (response.headers.has("ledger-lag")) return new Error("the ledger lags behind");
  if (isRetryable(status)) return new Error(`HTTP ${status}: ${messageOf(body)}`);
  const replayed = response.headers.get("idempotency-replayed") === "true";
  return { status, body, replayed };
}

/** The answer as its schema has it. Rejects with Stopped where it has another shape. */
export function shaped<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  path: string,
): z.output<Schema> {
  const { data, error } = schema.safeParse(body);
  if (error === undefined) return data;
  const where = error.issues[0]?.path.map(String).join(".") ?? "";
  const advice = "is it this version of Holdfast that answers there?";
  throw new Stopped(`${path} was answered in another shape${where && `, at ${where}`}; ${advice}`, {
    cause: error,
  });
}

/** What a refusal says, in the words of whichever contract. */
const Refused = z.object({
  code: z.string().optional(),
  message: z.union([z.string(), z.array(z.string()).transform((all) => all.join("; "))]),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

export function messageOf(body: unknown): string {
  const { data } = Refused.safeParse(body);
  if (data === undefined) return "an answer of another shape";
  return data.code === undefined ? data.message : `${data.code}: ${data.message}`;
}

/** What was refused, by field where the service says so. */
export function errorsOf(body: unknown): RowError[] {
  const { errors = [] } = Refused.safeParse(body).data ?? {};
  if (errors.length === 0) return [{ field: "", reason: messageOf(body) }];
  return errors.map(({ path, message }) => ({ field: path, reason: message }));
}
