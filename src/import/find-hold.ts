/** The hold that Holdfast has for an owner, whichever contract keeps it. Changes nothing. */
import { Movements, Reservations, type Movement, type Reservation } from "#http/wire/answers";
import { isHoldOf, type HoldOwner } from "#http/wire/owners";
import { shaped, BASE, messageOf, type Api } from "#import/api";
import type { SourceHold } from "#import/rows";

/** Rows of one page, as many as the service gives. */
const PAGE_ROWS = 200;
const MOVEMENTS = 500;

export interface FoundHold {
  /** null for a product's own hold, which has no id. */
  readonly reservationId: string | null;
  readonly status: Reservation["status"];
  /** Units that it was made with. */
  readonly reserved: number;
  /** Units of them that are held now. */
  readonly live: number;
}

/**
 * The owner's hold, the live one first; null for none. One that ended counts: it was imported
 * before, and lived on. A text says why that cannot be told, or who else holds for the order.
 */
export async function findHold(api: Api, hold: SourceHold): Promise<FoundHold | string | null> {
  const { productId, orderId, customerId, through } = hold;
  const contract = through === "inventory" ? null : through;
  const owner = { contract, productId, orderId, customerId };
  return orderId === null
    ? await ofProduct(api, owner)
    : await ofOrder(api, { ...owner, orderId }, customerId);
}

interface OrderOwner extends HoldOwner {
  readonly orderId: string;
}

async function ofOrder(
  api: Api,
  owner: OrderOwner,
  customerId: string | null,
): Promise<FoundHold | string | null> {
  const isOwn = isHoldOf(owner);
  let ended: Reservation | null = null;
  let other: Reservation | null = null;
  for await (const reservation of reservationsOf(api, owner.orderId, customerId)) {
    const { reservationId, status, lines } = reservation;
    const [line] = lines.length === 1 ? lines : [];
    if (line?.productId !== owner.productId) continue;
    if (!isOwn(reservationId)) {
      if (status === "ACTIVE" && reservation.customerId === customerId) other = reservation;
    } else if (status === "ACTIVE") return foundOf(reservation);
    // Newest first: an earlier one tells less.
    else ended ??= reservation;
  }
  if (other !== null) return `is held through another contract, as ${other.reservationId}`;
  return ended === null ? null : foundOf(ended);
}

/** All pages: an order may have had many holds. */
async function* reservationsOf(
  api: Api,
  orderId: string,
  customerId: string | null,
): AsyncGenerator<Reservation> {
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ orderId, limit: `${PAGE_ROWS}` });
    if (customerId !== null) query.set("customerId", customerId);
    if (cursor !== null) query.set("cursor", cursor);
    const path = `${BASE}/reservations`;
    const { body } = await api.get(`${path}?${query.toString()}`);
    const page: Page = shaped(Reservations, body, path);
    yield* page.items;
    // A page that leads to itself would be asked for without an end.
    cursor = page.nextCursor === cursor ? null : page.nextCursor;
  } while (cursor !== null);
}

interface Page {
  readonly items: readonly Reservation[];
  readonly nextCursor: string | null;
}

function foundOf({ reservationId, status, quantity, lines }: Reservation): FoundHold {
  const [line] = lines;
  const ended = (line?.confirmed ?? 0) + (line?.cancelled ?? 0);
  return { reservationId, status, reserved: quantity, live: quantity - ended };
}

/** A product's own hold is in no order's list: what was held, given back and sold of it tells. */
async function ofProduct(api: Api, owner: HoldOwner): Promise<FoundHold | string | null> {
  const path = `${BASE}/product/${owner.productId}/movements`;
  const { status, body } = await api.get(`${path}?limit=${MOVEMENTS}`);
  if (status !== 200) return messageOf(body);
  const { movements } = shaped(Movements, body, path);
  const isOwn = isHoldOf(owner);
  const own = movements.filter(
    ({ reservationId }) => reservationId !== null && isOwn(reservationId),
  );
  const reserved = unitsOf(own, "RESERVE");
  if (movements.length === MOVEMENTS) {
    return `cannot be told from the last ${MOVEMENTS} movements of ${owner.productId}`;
  }
  if (reserved === 0) return null;
  const live = reserved - unitsOf(own, "RELEASE") - unitsOf(own, "SALE");
  const state = live > 0 ? "ACTIVE" : unitsOf(own, "SALE") > 0 ? "CONFIRMED" : "CANCELLED";
  return { reservationId: null, status: state, reserved, live };
}

function unitsOf(movements: readonly Movement[], type: Movement["type"]): number {
  return movements
    .filter((movement) => movement.type === type)
    .reduce((sum, { quantity }) => sum + Math.abs(quantity), 0);
}
