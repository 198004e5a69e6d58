/** What payment needs of orders: what an order comes to, and what becomes of the money. */
import { z } from "zod";
import type { Verdict } from "#companions/payment/store";
import { Refused } from "#companions/shell/app";
import { signedHeaders, type SignedCall } from "#companions/shell/signature";
import { callOut, type Called } from "#lib/call-out";
import { jsonOrNull } from "#lib/json-or-null";

const READ_MS_MAX = 2_000;
/** Orders may have to ask the inventory first, and say by then what they know. */
const TELL_MS_MAX = 12_000;
/** A cart has 100 lines at most. */
const ANSWER_BYTES_MAX = 64 * 1024;

const Order = z.looseObject({
  id: z.number(),
  customerId: z.union([z.number(), z.string()]).transform(String),
  totalAmount: z.number().min(0),
  status: z.string(),
});
export type PaidOrder = z.output<typeof Order>;

const Heard = z.looseObject({
  verdict: z.enum(["kept", "refund", "noted"]),
  reason: z.string().nullable().default(null),
});
const Problem = z.looseObject({ error: z.string(), code: z.string() });
/** Orders will never take it, however often they are asked: nobody's money is kept for that. */
const FINAL: ReadonlySet<string> = new Set([
  "order_unknown",
  "amount_mismatch",
  "payment_mismatch",
]);

export interface OrdersOfPayment {
  /** null: there is none. Refuses with 503 while orders do not answer. */
  order(id: number): Promise<PaidOrder | null>;
  /** Rejects while orders have not said what becomes of it. */
  tell(call: SignedCall): Promise<Verdict>;
}

export interface OrdersOfPaymentOptions {
  readonly url: string;
  readonly token: () => Promise<string>;
  readonly secrets: readonly string[];
}

export function createOrdersOfPayment(options: OrdersOfPaymentOptions): OrdersOfPayment {
  const { url, token, secrets } = options;
  const base = url.replace(/\/+$/, "");
  return {
    async order(id) {
      const { status, text } = await read(`${base}/api/orders/${id}`, token);
      if (status === 404) return null;
      const order = status === 200 ? Order.safeParse(jsonOrNull(text)) : null;
      if (order?.success !== true) throw new Refused(503, "the orders service does not answer");
      return order.data;
    },
    async tell(call) {
      const { status, text } = await callOut({
        method: "POST",
        url: `${base}/internal/payments`,
        headers: signedHeaders(call, secrets, Date.now()),
        text: call.body,
        withinMs: TELL_MS_MAX,
        bytesMax: ANSWER_BYTES_MAX,
      });
      const answer = jsonOrNull(text);
      if (status === 200) return Heard.parse(answer);
      const problem = Problem.safeParse(answer);
      if (problem.success && FINAL.has(problem.data.code)) {
        return { verdict: "refund", reason: problem.data.error };
      }
      throw new Error(`orders answered ${status}: ${text.slice(0, 200)}`);
    },
  };
}

async function read(url: string, token: () => Promise<string>): Promise<Called> {
  try {
    return await callOut({
      method: "GET",
      url,
      headers: { authorization: `Bearer ${await token()}` },
      withinMs: READ_MS_MAX,
      bytesMax: ANSWER_BYTES_MAX,
    });
  } catch {
    return { status: 503, text: "" };
  }
}
