/** Sends attempts and writes down, for each product they are about, what was asked and heard. */
import { z } from "zod";
import { randomId } from "#lib/ids";
import type { Answer as HttpAnswer, Request } from "#test/caller";
import { send } from "#test/one-effect";
import { answerIn, partOf, type Question } from "./answers";
import type { Answer, Operation } from "./operations";

/** What an attempt asks of one product. */
export interface Part extends Question {
  /** Its index, of a bulk call. */
  readonly item: number | null;
}

export interface Attempt {
  readonly client: string;
  readonly request: Request;
  readonly parts: readonly Part[];
}

/** The part of an answer that is about one product. */
export interface Heard extends Part {
  readonly answer: Answer;
}

interface Asked {
  readonly part: Part;
  readonly operation: Operation;
}

const Replayed = z.looseObject({ replayed: z.literal(true) });
const READS: ReadonlySet<string> = new Set(["read", "check", "lookup"]);

export class Recorder {
  /** By product. */
  readonly operations = new Map<string, Operation[]>();
  /** Answers that no caller should get. */
  readonly strange: string[] = [];
  failed = 0;
  #ids = 0;
  readonly #sent = new Map<string, readonly Asked[]>();

  /** Null: nobody knows whether it had an effect. Empty: it had none for certain. */
  async send(url: string, { client, request, parts }: Attempt): Promise<readonly Heard[] | null> {
    const requestId = randomId(16);
    const invokedAt = performance.now();
    const asked = parts.map((part): Asked => {
      const { key = null } = request;
      const itemKey = key === null || part.item === null ? key : `${key} ${part.item}`;
      const at = { invokedAt, returnedAt: Infinity, answer: null, isReplay: false };
      const id = this.#nextId();
      return { part, operation: { id, client, command: part.command, key: itemKey, ...at } };
    });
    this.#sent.set(requestId, asked);
    const answer = await send(url, request, requestId);
    const returnedAt = performance.now();
    let isUnknown = false;
    const heard: Heard[] = [];
    for (const { part, operation } of asked) {
      const known = this.#hear(answer, part, request);
      if (known === "failed") {
        this.failed += 1;
      } else if (known === "unknown") {
        isUnknown = true;
        this.#write(part, operation);
      } else {
        this.#write(part, { ...operation, ...known, returnedAt });
        heard.push({ ...part, answer: known.answer });
      }
    }
    return isUnknown ? null : heard;
  }

  /** The line sends it again, later: another attempt, of which nobody hears. */
  copied(requestId: string): void {
    for (const { part, operation } of this.#sent.get(requestId) ?? []) {
      this.#write(part, { ...operation, id: this.#nextId() });
    }
  }

  get attempts(): number {
    return this.#sent.size;
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  /** What only reads and was not answered is of no interest. */
  #write({ productId }: Part, operation: Operation): void {
    if (operation.answer === null && READS.has(operation.command.verb)) return;
    const all = this.operations.get(productId) ?? [];
    this.operations.set(productId, all);
    all.push(operation);
  }

  #hear(answer: HttpAnswer | null, part: Part, { method, path }: Request) {
    if (answer === null) return "unknown";
    try {
      const one = partOf(answer, part.item);
      if (one.status === 503) return "failed";
      if (one.status === 504) return "unknown";
      const isReplay =
        part.item === null
          ? answer.headers.get("idempotency-replayed") === "true"
          : Replayed.safeParse(one.body).success;
      return { answer: answerIn(one, part), isReplay };
    } catch (error) {
      this.strange.push(`${method} ${path}: ${answer.status} ${String(error)}`);
      return "unknown";
    }
  }
}
