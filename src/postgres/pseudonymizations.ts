/** Customers whose ids are replaced in the ledger: what was asked for, and the steps of doing it. */
import { z } from "zod";
import { CustomerId } from "#inventory/model";
import type {
  CountedCustomers,
  PseudonymWork,
  Pseudonymizations,
} from "#inventory/pseudonym-ports";
import type { Clock } from "#lib/clock";
import { askRow, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { textColumn } from "#postgres/columns";
import { ProductIdRow } from "#postgres/rows";
import limitedText from "./statements/limited-products.sql" with { type: "text" };
import askText from "./statements/pseudonymize-ask.sql" with { type: "text" };
import holdsText from "./statements/pseudonymize-holds.sql" with { type: "text" };
import movementsText from "./statements/pseudonymize-movements.sql" with { type: "text" };
import readyText from "./statements/pseudonymize-ready.sql" with { type: "text" };
import readText from "./statements/pseudonymization.sql" with { type: "text" };

const STEP_MS_MAX = 5_000;
/** Movements that one step looks at: no index has them by customer. It takes some 50 ms. */
const STEP_MOVEMENTS = 100_000;
/** Holds that one step changes. */
const STEP_HOLDS = 1_000;
/** Customers that one step may finish. */
const READY_MAX = 10;
/** Products of whose limits a customer is taken out at once: some 1 ms of Redis. */
const PAGE_PRODUCTS = 500;
/** Another request of the same customer or key may come between; the second look finds it. */
const LOOKS_MAX = 3;

const AskedRow = z.object({
  holds: z.int(),
  knownId: z.string().nullable(),
  knownPayload: z.string().nullable(),
  replayed: z.boolean(),
  madeId: z.string().nullable(),
});
const StateRow = z.object({
  id: z.string(),
  movements: z.int(),
  reservations: z.int(),
  progress: z.int(),
  askedAt: z.int(),
  finishedAt: z.int().nullable(),
});
const PartsRow = z.object({ parts: z.int() });
const ReadyRow = z.object({ id: z.string(), customerId: CustomerId });
const HoldsRow = z.object({ asked: z.int() });

/** `clock` is the one that callers' deadlines are on. */
export function createPseudonymizations(sql: Sql, clock: Clock): Pseudonymizations {
  return {
    async ask({ id, customerId, pseudonym, operation, askedBy }, deadline) {
      const { key = null, payload = null } = operation ?? {};
      const parameters = [id, customerId, pseudonym, key, payload, askedBy];
      const statement = () => sql.unsafe(askText, parameters, { prepare: false });
      for (let look = 0; look < LOOKS_MAX; look += 1) {
        const row = await askRow(AskedRow, statement, deadline - clock.now());
        const { holds, knownId, knownPayload, replayed, madeId } = row;
        if (madeId !== null) return { kind: "asked", id: madeId, replayed: false };
        if (replayed && knownPayload !== payload) return { kind: "key_reused" };
        if (knownId !== null) return { kind: "asked", id: knownId, replayed };
        if (holds > 0) return { kind: "has_live_holds", holds };
      }
      throw new Error("a pseudonymization was neither made nor found");
    },
    async read(id, deadline) {
      const statement = () => sql.unsafe(readText, [id], { prepare: false });
      const [row] = await askRows(StateRow, statement, deadline - clock.now());
      return row ?? null;
    },
  };
}

export interface PseudonymStep {
  /** Movements that one step looks at. */
  readonly movements?: number;
  /** Holds that one step changes. */
  readonly holds?: number;
}

/** Where limits count customers. */
export interface Counting {
  readonly counted: CountedCustomers;
  readonly partitions: number;
}

/**
 * Any number of workers may do it at once; whatever a step did is done, whoever dies. Before a customer's id is
 * forgotten here, what limits count of it in Redis is.
 */
export function createPseudonymWork(
  sql: Pick<Sql, "unsafe">,
  { counted, partitions }: Counting,
  step: PseudonymStep = {},
): PseudonymWork {
  const { movements = STEP_MOVEMENTS, holds = STEP_HOLDS } = step;
  const ask = (text: string, parameters: (string | number)[]) => () =>
    sql.unsafe(text, parameters, { prepare: false });

  const uncount = async (customerId: CustomerId): Promise<void> => {
    for (let partition = 0; partition < partitions; partition += 1) {
      for (let after: string | null = ""; after !== null;) {
        const statement = ask(limitedText, [partition, after, PAGE_PRODUCTS]);
        const rows = await askRows(ProductIdRow, statement, STEP_MS_MAX);
        const productIds = rows.map(({ productId }) => productId);
        await counted.forget(partition, customerId, productIds);
        after = productIds.length < PAGE_PRODUCTS ? null : (productIds.at(-1) ?? null);
      }
    }
  };

  return {
    async step() {
      const { parts } = await askRow(PartsRow, ask(movementsText, [movements]), STEP_MS_MAX);
      if (parts > 0) return true;
      const ready = await askRows(ReadyRow, ask(readyText, [READY_MAX]), STEP_MS_MAX);
      if (ready.length === 0) return false;
      for (const { customerId } of ready) await uncount(customerId);
      const ids = textColumn(ready, ({ id }) => id);
      await askRow(HoldsRow, ask(holdsText, [holds, ids]), STEP_MS_MAX);
      return true;
    },
  };
}
