/** The live holds of the ledger at one moment: each is in Redis, and they add up to what is reserved. */
import type { Reservation } from "#inventory/model";
import type { HoldPlace, LedgerSnapshot, PageOfHolds } from "#inventory/ledger-snapshot";
import { splitReservationId } from "#inventory/reservation-id";
import { levelName } from "#workers/reconcile/breaks";
import { isAskedFor, settle, type Comparison } from "#workers/reconcile/comparison";
import { checkMissingHolds } from "#workers/reconcile/holds";
import { tellUnreadableRow } from "#workers/reconcile/unreadable";

/** Reservations of one statement, of which most have ended long ago. */
export const PAGE_RESERVATIONS = 20_000;
const PAGE_LEVELS = 5_000;
/** Before all reservations. */
export const FIRST_HOLD: HoldPlace = {
  owner: "00000000-0000-0000-0000-000000000000",
  generation: "",
  partition: 0,
};

export async function checkLiveHolds(
  run: Comparison,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  await run.ledger.atOneMoment(async (snapshot) => {
    const held = new Map<string, number>();
    // A row that was wrong counts here as it was, whatever was mended of it since.
    const known = new Set(doubtful);
    for (let after: HoldPlace | null = FIRST_HOLD; after !== null;) {
      const page: PageOfHolds = await snapshot.liveHolds(after, PAGE_RESERVATIONS);
      for (const row of page.unreadable) await tellUnreadableRow(run, row);
      const holds = page.holds.filter((hold) => isWanted(run, hold));
      addUp(held, holds);
      for (const id of await checkMissingHolds(run, holds, doubtful)) known.add(id);
      await run.advance("live holds", shareOf(page.last));
      after = page.last;
    }
    await compareReserved(run, snapshot, held, known);
  });
}

/** Owners are hashes: the first digits tell how far the walk is. */
export const shareOf = (place: HoldPlace | null): number =>
  place === null ? 1 : Number.parseInt(place.owner.slice(0, 4), 16) / 0x1_00_00;

function isWanted(run: Comparison, { reservationId, allocations }: Reservation): boolean {
  const { partition } = splitReservationId(reservationId);
  if (!run.partitions.includes(partition)) return false;
  return allocations.some(({ productId }) => isAskedFor(run, productId));
}

function addUp(held: Map<string, number>, holds: readonly Reservation[]): void {
  for (const { allocations } of holds) {
    for (const line of allocations) {
      if (line.held === 0) continue;
      const name = levelName(line);
      held.set(name, (held.get(name) ?? 0) + line.held);
    }
  }
}

async function compareReserved(
  run: Comparison,
  snapshot: LedgerSnapshot,
  held: ReadonlyMap<string, number>,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  let after = { productId: "", location: "" };
  // A hold whose row was set aside adds nothing up, whatever of its movements the ledger has.
  const aside = new Set(
    (await run.ledger.quarantine()).flatMap(({ heldProductIds }) => heldProductIds),
  );
  for (;;) {
    await run.goOn();
    const page = await snapshot.levels(after, PAGE_LEVELS);
    for (const { productId, location, reserved } of page) {
      const partition = run.stock.partitionOf(productId);
      if (!run.partitions.includes(partition) || !isAskedFor(run, productId)) continue;
      const sum = held.get(levelName({ productId, location })) ?? 0;
      if (sum === reserved || doubtful.has(productId) || aside.has(productId)) continue;
      const base = { partition, productId, location, reservationId: null, redis: null };
      const cause = `its live holds add up to ${sum}`;
      await settle(run, {
        found: { ...base, kind: "snapshot", ledger: `${reserved} reserved`, cause },
        repair: run.contested.has(partition)
          ? null
          : {
              side: "reserved",
              partition,
              productId,
              location,
              units: reserved - sum,
              after: await snapshot.reservedRepairOf({ productId, location }),
            },
      });
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_LEVELS) return;
    after = last;
  }
}
