/** Sends fuzzed requests to a service, and tells what its document does not promise. */
import { z } from "zod";
import type { Acknowledged } from "#test/audit";
import { count, type Tally } from "#test/caller";
import { documentedBy, type ApiDocument } from "#test/documented";
import { Known, type FuzzRequest, type Sender } from "#test/fuzz-requests";
import { Told } from "#test/fuzz-told";

/** Requests under way at once. */
const AT_ONCE = 16;
/** The service's own deadline, and time for a busy machine. */
const ANSWER_MS_MAX = 20_000;
/** Values of one name that are kept, so that requests are about the same things again and again. */
const KNOWN_MAX = 24;
const REPEATS = 600;
/** The server of the runtime refuses a head of 16 KiB by itself. */
const URL_TEXT_MAX = 300;
const URL_PAIRS_MAX = 5;
/** Of an answer that has neither code nor words. */
const REASON_LENGTH_MAX = 200;

export interface Fuzzing {
  /** What was not as it must be; empty is good. */
  readonly faults: readonly string[];
  /** `POST /path` → how often, and how often with 2xx. */
  readonly sent: Tally;
  readonly done: Tally;
  readonly statuses: Tally;
  /** `503 code`, of a contract without codes its words: what nobody could do at that moment. */
  readonly unavailable: Tally;
  /** All that callers were told of so far, where they were told of it to the unit. */
  acknowledged(): readonly Acknowledged[];
  /** Sends these; answers when all are answered. */
  send(requests: readonly FuzzRequest[]): Promise<void>;
}

const FAULTS_MAX = 20;

export function startFuzzing(
  url: string,
  document: ApiDocument,
  tokens: Readonly<Record<Sender, string | null>>,
): Fuzzing {
  const check = documentedBy(document);
  const faults: string[] = [];
  const sent: Tally = new Map();
  const done: Tally = new Map();
  const statuses: Tally = new Map();
  const unavailable: Tally = new Map();
  const told = new Told();
  const pool = new Pool();

  async function one(request: FuzzRequest): Promise<void> {
    const { method, operation, headers, sender } = request;
    const { path: written, body } = wireOf(request, pool);
    // A client takes `..` for a folder before it asks.
    const { pathname, search } = new URL(written, url);
    const path = `${pathname}${search}`;
    const authorization = tokens[sender];
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
      ...(body === undefined || method === "GET" || method === "HEAD" ? {} : { body }),
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await response.text();
    const answer = { method, path, status: response.status, headers: response.headers, text };
    count(sent, operation);
    count(statuses, String(answer.status));
    if (answer.status < 300) count(done, operation);
    const fault = check(answer) ?? (answer.status === 500 ? "500" : null);
    if (fault !== null) {
      faults.push(`${sender}: ${method} ${path} ${body?.slice(0, 500) ?? ""}: ${fault}`);
    }
    if (answer.status > 500) count(unavailable, `${answer.status} ${reasonIn(answer)}`);
    if (answer.headers.get("content-type")?.includes("json")) pool.learn(text);
    told.note({
      call: `${method} ${pathname}`,
      status: answer.status,
      requestId: answer.headers.get("x-request-id") ?? "",
      isReplay: answer.headers.has("idempotency-replayed"),
      asked: body ?? "",
      text,
    });
  }

  return {
    faults,
    sent,
    done,
    statuses,
    unavailable,
    acknowledged: () => told.acknowledged(),
    async send(requests) {
      const waiting = requests.values();
      const work = async (): Promise<void> => {
        for (const request of waiting) {
          if (faults.length >= FAULTS_MAX) return;
          try {
            await one(request);
          } catch (error) {
            faults.push(`${request.operation} ${JSON.stringify(request)}: ${String(error)}`);
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    },
  };
}

/** Values that answers brought, the newest of each name. */
class Pool {
  readonly #values = new Map<string, unknown[]>();

  learn(text: string): void {
    try {
      this.#walk(JSON.parse(text), "");
    } catch {
      // The document was asked before; who breaks JSON is told there.
    }
  }

  /** Nine times in ten one of those, if there are any. */
  pick({ name, index, otherwise }: Known): unknown {
    const values = this.#values.get(plain(name)) ?? [];
    return values.length === 0 || index % 10 === 0 ? otherwise : values[index % values.length];
  }

  #walk(value: unknown, name: string): void {
    if (typeof value === "string") this.#keep(plain(name), value);
    else if (Array.isArray(value)) for (const item of value.slice(0, 5)) this.#walk(item, name);
    else for (const [key, inner] of entriesOf(value)) this.#walk(inner, key);
  }

  #keep(name: string, value: string): void {
    const values = this.#values.get(name) ?? [];
    this.#values.set(name, values);
    if (values.includes(value)) return;
    // The first ones stay: a product that much happened to is worth more than a new one.
    if (values.length < KNOWN_MAX) values.push(value);
    else if (name === "reservationid" || name === "cursor") values[value.length % 7] = value;
    else values[KNOWN_MAX - 1] = value;
  }
}

/** One name for what contracts spell differently. */
const plain = (name: string): string =>
  name.toLowerCase().replaceAll("_", "").replace("nextcursor", "cursor");

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === "object" && value !== null ? Object.entries(value) : [];

/** The request as it goes out: known values filled in, then harmed. */
function wireOf(request: FuzzRequest, pool: Pool): { path: string; body: string | undefined } {
  const { params, query, body, template, harm } = request;
  const parts = {
    params: filled(params, pool),
    query: filled(query, pool),
    body: filled(body, pool),
  };
  if (harm !== null) hurt(parts, harm);
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    inUrl(fieldOf(parts.params, name)),
  );
  const pairs = entriesOf(parts.query)
    .slice(0, URL_PAIRS_MAX)
    .map(([name, value]) => `${inUrl(name)}=${inUrl(value)}`);
  const text = typeof parts.body === "string" ? parts.body : JSON.stringify(parts.body);
  return { path: pairs.length === 0 ? path : `${path}?${pairs.join("&")}`, body: text };
}

const fieldOf = (value: unknown, name: string): unknown =>
  entriesOf(value).find(([key]) => key === name)?.[1];

const inUrl = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return encodeURIComponent(text.slice(0, URL_TEXT_MAX).toWellFormed());
};

function filled(value: unknown, pool: Pool): unknown {
  if (value instanceof Known) return pool.pick(value);
  if (Array.isArray(value)) return value.map((item) => filled(item, pool));
  if (typeof value !== "object" || value === null) return value;
  const entries = entriesOf(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, filled(inner, pool)]));
}

/** Changes one place of what was valid. */
function hurt(parts: object, { kind, at, value }: NonNullable<FuzzRequest["harm"]>): void {
  const places = placesIn(parts);
  const place = places[at % places.length];
  if (place === undefined) return;
  const { owner, key } = place;
  switch (kind) {
    case "replace":
      return void Reflect.set(owner, key, value);
    case "remove":
      return void Reflect.deleteProperty(owner, key);
    case "add":
      return void Reflect.set(owner, `${key}x`, value);
    case "repeat": {
      const list: unknown = Reflect.get(owner, key);
      const [first = value] = Array.isArray(list) ? list : [list];
      return void Reflect.set(
        owner,
        key,
        Array.from({ length: REPEATS }, () => first),
      );
    }
  }
}

interface Place {
  readonly owner: object;
  readonly key: string;
}

function placesIn(value: unknown): readonly Place[] {
  if (typeof value !== "object" || value === null) return [];
  return entriesOf(value).flatMap(([key, inner]) => [{ owner: value, key }, ...placesIn(inner)]);
}

const Refused = z
  .object({ code: z.string(), detail: z.string(), message: z.string(), error: z.string() })
  .partial();

/** The code of a refusal; of a contract without codes its words. */
function reasonIn({ method, text }: { readonly method: string; readonly text: string }): string {
  if (method === "HEAD") return "of a HEAD";
  const { code, detail, message, error } = Refused.parse(JSON.parse(text));
  return code ?? detail ?? message ?? error ?? text.slice(0, REASON_LENGTH_MAX);
}
