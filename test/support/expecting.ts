/** Expected stock over real servers: what tests of it share. */
import { expect } from "bun:test";
import { z } from "zod";
import { IncomingId } from "#inventory/incoming-ports";
import { ProductId, totalsOf } from "#inventory/model";
import { processClock } from "#lib/clock";
import { startAsking } from "#test/asking";
import { Caller, type Answer, type Request } from "#test/caller";
import { tokenOf } from "#test/service";

export const EXPECTED_AT = "2030-01-31T08:00:00.000Z";

const Incoming = z.object({
  incomingId: IncomingId,
  quantity: z.int(),
  received: z.int(),
  outstanding: z.int(),
  status: z.string(),
  expectedAt: z.string(),
  reference: z.string().nullable(),
  version: z.int(),
});
export const Changed = z.object({ incoming: Incoming });
export const Items = z.object({
  items: z.array(z.looseObject({ productId: z.string() })),
  nextCursor: z.string().nullable(),
});

/** A moment by which the stores must have answered. */
export const soon = (): number => processClock.now() + 5_000;

export async function startExpecting() {
  const all = await startAsking();
  const caller = new Caller(all.url);
  const token = await tokenOf("admin", "ada");
  const send = (request: Omit<Request, "token">): Promise<Answer> =>
    caller.once({ ...request, token });
  const post = (path: string, body: object, key?: string): Promise<Answer> =>
    send({ method: "POST", path, body, ...(key === undefined ? {} : { key }) });
  return {
    ...all,
    send,
    post,
    async expectUnits(productId: string, quantity: number, more: object = {}) {
      const body = { productId, quantity, expectedAt: EXPECTED_AT, ...more };
      const answer = await post("/incoming", body);
      expect(answer.status).toBe(201);
      return Changed.parse(answer.body).incoming;
    },
    async unitsOf(productId: string): Promise<number> {
      const product = await all.stores.store.product(ProductId.parse(productId), soon());
      if (product === null) throw new Error(`there is no product ${productId}`);
      return totalsOf(product).onHand;
    },
    /** What came of it, and its receipts. */
    async stateOf(incomingId: IncomingId) {
      const rows = await all.stores.sql`
        SELECT received, state, units FROM incoming LEFT JOIN incoming_receipts USING (incoming_id)
        WHERE incoming_id = ${incomingId} ORDER BY receipt`;
      return rows.map(({ received, state, units }) => [received, state, units]);
    },
    /** All rows of a list, page by page. */
    async rowsOf(path: string, limit: number): Promise<Record<string, unknown>[]> {
      const rows: Record<string, unknown>[] = [];
      let cursor: string | null = null;
      do {
        const at: string = cursor === null ? "" : `&cursor=${cursor}`;
        const answer = await all.get(`${path}limit=${limit}${at}`);
        expect([answer.status, answer.headers.get("ledger-lag")]).toEqual([200, null]);
        const page = Items.parse(answer.body);
        rows.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      return rows;
    },
  };
}
