/** One user of a shop: what it asks, and what it was told. */
import type { Acknowledged } from "#test/audit";
import { reservationIn, type Answer, type Caller, type Request } from "#test/caller";
import type { Random } from "#test/random";

/** Where they are, and what they were told. */
export interface Shop {
  readonly caller: Caller;
  readonly productIds: readonly string[];
  /** A product that is nearly sold out: most of what there is of it is safety stock. */
  readonly scarceId: string;
  /** Every effect that was answered with success. */
  readonly acknowledged: Acknowledged[];
  /** Answers that no caller should get, in words. */
  readonly strange: string[];
}

export interface User {
  readonly load: Shop;
  readonly extendMinutes: number;
  readonly token: string;
  readonly admin: string;
  readonly random: Random;
  /** Of the scarce product: held until the user's next turn at it, while others want it. */
  kept: Awaited<ReturnType<typeof reserve>>;
}

/** Calls; an answer with another status than these is noted as strange, and null. */
export async function ask(
  user: User,
  request: Request,
  statuses: readonly number[],
  {
    how = (caller: Caller): Promise<Answer | null> => caller.call(request),
    about = "",
  }: {
    readonly how?: (caller: Caller) => Promise<Answer | null>;
    /** Whose fate decides the answer, where the path does not say it. */
    readonly about?: string;
  } = {},
): Promise<Answer | null> {
  const { caller, strange } = user.load;
  const answer = await how(caller);
  if (answer === null || statuses.includes(answer.status)) return answer;
  const of = about === "" ? "" : ` of ${about}`;
  strange.push(
    `${request.method} ${request.path}${of}: ${answer.status} ${JSON.stringify(answer.body)}`,
  );
  return null;
}

export function acknowledge(
  user: User,
  { requestId }: Answer,
  type: Acknowledged["type"],
  units: number,
  reservationId: string | null = null,
): void {
  user.load.acknowledged.push({ requestId, type, units, reservationId });
}

export const pick = ({ load, random }: User): string => random.pick(load.productIds);

export async function reserve(user: User, productId: string, orderId: string, quantity: number) {
  const { token } = user;
  const path = `/product/${productId}/reserve`;
  const body = { quantity, orderId };
  const answer = await ask(user, { method: "POST", path, token, body }, [201, 409]);
  if (answer?.status !== 201) return null;
  const hold = reservationIn(answer);
  acknowledge(user, answer, "RESERVE", quantity, hold.reservationId);
  return hold;
}
