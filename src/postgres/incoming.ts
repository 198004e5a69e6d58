/** Expected stock in PostgreSQL. Every change is one statement, and notes its operation with it. */
import postgres from "postgres";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import {
  IncomingId,
  type Incoming,
  type IncomingStock,
  type UnfinishedReceipt,
} from "#inventory/incoming-ports";
import { Location, ProductId } from "#inventory/model";
import type { Operation } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import { ask, askRow, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { TIME_MS_MAX } from "#postgres/movement-lists";
import { cursorOf, readCursor, rowsOf } from "#postgres/page-cursor";
import addText from "./statements/incoming-add.sql" with { type: "text" };
import amendText from "./statements/incoming-amend.sql" with { type: "text" };
import claimText from "./statements/incoming-claim.sql" with { type: "text" };
import giveBackText from "./statements/incoming-give-back.sql" with { type: "text" };
import holdText from "./statements/incoming-hold.sql" with { type: "text" };
import movementText from "./statements/incoming-movement.sql" with { type: "text" };
import oneText from "./statements/incoming-one.sql" with { type: "text" };
import pageText from "./statements/incoming-page.sql" with { type: "text" };
import settleText from "./statements/incoming-settle.sql" with { type: "text" };
import takeUpText from "./statements/incoming-take-up.sql" with { type: "text" };

interface IncomingStockOptions {
  readonly sql: Sql;
  /** The clock that the callers' deadlines are on. */
  readonly clock: Clock;
}

type Parameters = (string | number | boolean | null)[];

const IncomingJson = z.object({
  incomingId: IncomingId,
  productId: ProductId,
  location: Location.nullable(),
  quantity: z.int(),
  received: z.int(),
  cancelled: z.boolean(),
  expectedAt: z.int(),
  reference: z.string().nullable(),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});
const ClaimJson = z.object({ incoming: IncomingJson, receipt: z.int(), units: z.int() });

const IncomingRow = z.object({ incoming: IncomingJson });
const ChangeRow = z.object({ kept: z.string().nullable(), made: z.unknown() });
const HeldRow = z.object({ state: z.string(), attempt: z.int(), isForgotten: z.boolean() });
const MovementRow = z.object({ isThere: z.boolean() });
const GivenBackRow = z.object({ refused: z.int() });
const UnfinishedRow = z.object({
  incomingId: IncomingId,
  productId: ProductId,
  location: Location.nullable(),
  reference: z.string().nullable(),
  actor: z.string(),
  requestId: z.string(),
  receipt: z.int(),
  units: z.int(),
  attempt: z.int(),
  isBrought: z.boolean(),
}) satisfies z.ZodType<UnfinishedReceipt>;

const PageCursor = z.tuple([z.int().min(-TIME_MS_MAX).max(TIME_MS_MAX), z.uuid()]);

/** Of a receipt that was claimed just now. */
const FIRST_ATTEMPT = 1;

const UNIQUE_VIOLATION = "23505";
const CHECK_VIOLATION = "23514";
/** What the driver says where nothing reached the server, and the server where it took nothing. */
const UNSENT = /^(ECONNREFUSED|CONNECT_TIMEOUT|ENOTFOUND|EAI_|57P03|53300|28|3D000)/;

export function createIncomingStock({ sql, clock }: IncomingStockOptions): IncomingStock {
  const run = (text: string, parameters: Parameters) => () =>
    sql.unsafe(text, parameters, { prepare: false });
  const left = (deadline: number) => deadline - clock.now();

  /** Runs a change under an operation; what it made, now or earlier. null: it changed nothing. */
  async function change<Schema extends z.ZodType>(
    schema: Schema,
    text: string,
    operation: Operation | null,
    parameters: Parameters,
    deadline: number,
  ): Promise<Changed<z.output<Schema>>> {
    const { key, payload } = operation ?? { key: null, payload: "" };
    const statement = run(text, [key, payload, ...parameters]);
    const askOnce = () => askRow(ChangeRow, statement, left(deadline));
    // Two copies at once: one of them notes the operation. The other fails on that, or waits for the
    // row and finds it changed; in either case it began too early to see why, and looks again.
    const settled = async () => {
      try {
        const first = await askOnce();
        return first.kept === null && first.made === null && key !== null ? await askOnce() : first;
      } catch (error) {
        if (codeOf(error) === UNIQUE_VIOLATION) return await askOnce();
        throw error;
      }
    };
    const { kept, made } = await settled().catch((error: unknown) => {
      throw isUnknown(error) ? unknownOutcome(error) : error;
    });
    if (kept === null) {
      return made === null
        ? { kind: "unchanged" }
        : { kind: "changed", value: schema.parse(made), replayed: false };
    }
    const [, keptPayload = "", json = ""] = /^(\w+)\t(.*)$/s.exec(kept) ?? [];
    if (keptPayload !== payload) return { kind: "key_reused" };
    return { kind: "changed", value: schema.parse(JSON.parse(json)), replayed: true };
  }

  async function one(incomingId: IncomingId, deadline: number): Promise<Incoming | null> {
    const rows = await askRows(IncomingRow, run(oneText, [incomingId]), left(deadline));
    return rows[0]?.incoming ?? null;
  }

  /** Holds the receipt of an earlier call; null: it was refused, and is not expected any more. */
  async function hold(incomingId: IncomingId, receipt: number, deadline: number) {
    const statement = run(holdText, [incomingId, receipt]);
    try {
      const held = await askRow(HeldRow, statement, left(deadline));
      return held.state === "refused" ? null : held;
    } catch (error) {
      if (codeOf(error) === CHECK_VIOLATION) return null;
      throw error;
    }
  }

  return {
    async expect(input, { actor, operation }, deadline) {
      const { productId, location, quantity, expectedAt, reference } = input;
      const parameters = [productId, location, quantity, expectedAt, reference, actor];
      const changed = await change(IncomingJson, addText, operation, parameters, deadline);
      if (changed.kind === "key_reused") return changed;
      if (changed.kind === "unchanged") throw new Error("an insert made nothing");
      return { kind: "expected", incoming: changed.value, replayed: changed.replayed };
    },
    async amend(incomingId, changes, operation, deadline) {
      const { quantity = null, expectedAt = null, reference, cancelled } = changes;
      const parameters = [
        incomingId,
        quantity,
        expectedAt,
        reference !== undefined,
        reference ?? null,
        cancelled,
      ];
      const changed = await change(IncomingJson, amendText, operation, parameters, deadline);
      if (changed.kind === "key_reused") return changed;
      if (changed.kind === "changed") {
        return { kind: "amended", incoming: changed.value, replayed: changed.replayed };
      }
      const incoming = await one(incomingId, deadline);
      return incoming === null ? { kind: "unknown_incoming" } : { kind: "closed", incoming };
    },
    async claim(incomingId, units, { actor, requestId, operation }, deadline) {
      const parameters = [incomingId, units, actor, requestId];
      const changed = await change(ClaimJson, claimText, operation, parameters, deadline);
      if (changed.kind === "key_reused") return changed;
      if (changed.kind === "changed") {
        const { incoming, ...receipt } = changed.value;
        const first = { attempt: FIRST_ATTEMPT, isForgotten: false };
        const held = changed.replayed ? await hold(incomingId, receipt.receipt, deadline) : first;
        if (held !== null) {
          const { attempt, isForgotten } = held;
          return { kind: "claimed", incoming, receipt, attempt, isForgotten };
        }
      }
      const incoming = await one(incomingId, deadline);
      if (incoming === null) return { kind: "unknown_incoming" };
      return { kind: "exceeds_expected", incoming };
    },
    async settle({ incomingId, receipt }, state, deadline) {
      const statement = run(settleText, [incomingId, receipt, state]);
      await ask(statement, left(deadline));
    },
    async giveBack({ incomingId, receipt, attempt }, deadline) {
      const statement = run(giveBackText, [incomingId, receipt, attempt]);
      return (await askRow(GivenBackRow, statement, left(deadline))).refused > 0;
    },
    async list(query, deadline) {
      const limit = rowsOf(query.limit);
      const after = query.cursor === null ? [null, null] : readCursor(PageCursor, query.cursor);
      const parameters = [query.productId, query.status, ...after, limit + 1];
      const rows = await askRows(IncomingRow, run(pageText, parameters), left(deadline));
      const items = rows.slice(0, limit).map(({ incoming }) => incoming);
      const last = items.at(-1);
      const isWhole = rows.length <= limit || last === undefined;
      return { items, nextCursor: isWhole ? null : cursorOf([last.expectedAt, last.incomingId]) };
    },
    takeUp: (agoMs, limit, deadline) =>
      askRows(UnfinishedRow, run(takeUpText, [agoMs, limit]), left(deadline)),
    async isInLedger({ incomingId, receipt, partition, reason }, deadline) {
      const statement = run(movementText, [incomingId, receipt, partition, reason]);
      return (await askRow(MovementRow, statement, left(deadline))).isThere;
    },
  };
}

type Changed<Value> =
  | { readonly kind: "changed"; readonly value: Value; readonly replayed: boolean }
  | { readonly kind: "unchanged" }
  | { readonly kind: "key_reused" };

function codeOf(error: unknown): string | null {
  return error instanceof postgres.PostgresError ? error.code : null;
}

/** A statement that may have been sent may have happened. */
function isUnknown(error: unknown): boolean {
  if (!(error instanceof Fault) || error.code !== "ledger_unavailable") return false;
  const cause: unknown = error.cause;
  const code: unknown = typeof cause === "object" && cause !== null && Reflect.get(cause, "code");
  return typeof code !== "string" || !UNSENT.test(code);
}

const unknownOutcome = (cause: unknown): Fault =>
  new Fault("outcome_unknown", "whether it was noted is not known", { cause });
