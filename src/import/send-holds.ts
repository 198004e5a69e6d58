/** Live holds: made where they are not, with the minutes that they have left. */
import { z } from "zod";
import type { Api } from "#import/api";
import type { Report } from "#import/report";
import type { Place, SourceHold } from "#import/rows";
import { errorsOf, outcomeOf } from "#import/send-products";

/** Calls under way at once: each is two short requests. */
export const HOLDS_AT_ONCE = 16;
const MINUTE_MS = 60_000;

export interface PlacedHold {
  readonly at: Place;
  readonly hold: SourceHold;
}

export interface HoldDeps {
  readonly api: Api;
  readonly report: Report;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Whether the product's stock is not what the source says. */
  readonly isFailed: (productId: string) => boolean;
}

const Reservation = z.object({
  reservationId: z.string(),
  customerId: z.string().nullable(),
  status: z.string(),
  lines: z.array(z.object({ productId: z.string(), quantity: z.number() })),
});
const Reservations = z.object({ items: z.array(Reservation) });
const Reserved = z.object({ reservation: Reservation });
type Reservation = z.output<typeof Reservation>;

/** One hold of the source, counted and reported with its new id. */
export async function sendHold(deps: HoldDeps, { at, hold }: PlacedHold): Promise<void> {
  const { api, report, now } = deps;
  const { body, productId, expiresAt } = hold;
  if (deps.isFailed(productId)) {
    const reason = "of this hold was not imported";
    return report.fail("hold", "refused", at, [{ field: "productId", reason }]);
  }
  const standing = await findHold(api, hold);
  if (standing !== null) {
    const difference = holdDifference(hold, standing);
    if (difference !== null) {
      return report.fail("hold", "conflict", at, [{ field: "quantity", reason: difference }]);
    }
    report.holds.unchanged += 1;
    return told(report, "unchanged", { at, hold }, standing);
  }
  const minutes = expiresAt === null ? null : Math.ceil((expiresAt - now()) / MINUTE_MS);
  if (minutes !== null && minutes < 1) {
    report.history += 1;
    return;
  }
  const path = `/product/${productId}/reserve`;
  const given = minutes === null ? body : { ...body, expirationMinutes: minutes };
  const { status, body: answer } = await api.send("POST", path, given);
  const reserved = Reserved.safeParse(answer);
  if (status === 201 && reserved.success) {
    report.holds.imported += 1;
    return told(report, "imported", { at, hold }, reserved.data.reservation);
  }
  report.fail("hold", "refused", at, errorsOf(outcomeOf(status, answer)));
}

/**
 * The hold that Holdfast has for this order, customer and product; null for none. One that ended
 * counts: it was imported before, and lived on.
 */
export async function findHold(
  api: Api,
  { body, productId }: SourceHold,
): Promise<Reservation | null> {
  const query = new URLSearchParams({ orderId: body.orderId });
  if (body.customerId !== undefined) query.set("customerId", body.customerId);
  const { body: answer } = await api.get(`/reservations?${query.toString()}`);
  const { items } = Reservations.parse(answer);
  const own = items.filter(
    ({ customerId, lines }) =>
      customerId === (body.customerId ?? null) &&
      lines.length === 1 &&
      lines[0]?.productId === productId,
  );
  return own.find(({ status }) => status === "ACTIVE") ?? own[0] ?? null;
}

/** Why the hold that is there is not this one; null where it is. */
export function holdDifference({ body }: SourceHold, { lines, status }: Reservation) {
  const units = lines[0]?.quantity ?? 0;
  if (status !== "ACTIVE" || units === body.quantity) return null;
  return `is ${units} in Holdfast, here ${body.quantity}`;
}

/** Whoever knew the hold by its old id finds the new one here. */
function told(
  report: Report,
  outcome: "imported" | "unchanged",
  { at, hold }: PlacedHold,
  { reservationId }: Reservation,
): void {
  const { sourceId, productId, body } = hold;
  const { orderId, quantity } = body;
  const names = { sourceId, reservationId, orderId, productId, quantity };
  report.note({ outcome, subject: "hold", ...at, ...names });
}
