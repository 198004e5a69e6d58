/** Live holds: made where they are not, through the contract whose callers end them. */
import { z } from "zod";
import { Reserved } from "#http/wire/answers";
import { BASE, errorsOf, type Api } from "#import/api";
import { findHold, type FoundHold } from "#import/find-hold";
import type { Report } from "#import/report";
import { Stopped, type Place, type SourceHold, type Through } from "#import/rows";

/** Calls under way at once: each is a few short requests. No two are of one owner. */
export const HOLDS_AT_ONCE = 16;
const MINUTE_MS = 60_000;
const NEST_BASE = "/v1/api/inventory";

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

/** One hold of the source, counted and reported with its new id. */
export async function sendHold(deps: HoldDeps, placed: PlacedHold): Promise<void> {
  const { api, report, now } = deps;
  const { at, hold } = placed;
  if (deps.isFailed(hold.productId)) {
    const reason = "of this hold was not imported";
    return report.fail("hold", "refused", at, [{ field: "productId", reason }]);
  }
  const there = await findHold(api, hold);
  if (there !== null) return judged(report, placed, there, "unchanged");
  const minutes = hold.expiresAt === null ? null : Math.ceil((hold.expiresAt - now()) / MINUTE_MS);
  if (minutes !== null && minutes < 1) {
    // It was read as a live one.
    report.holds.read -= 1;
    report.history += 1;
    return;
  }
  const { method, path, body } = callOf(hold, minutes);
  const answer = await api.send(method, path, body);
  if (answer.status !== 200 && answer.status !== 201) {
    return report.fail("hold", "refused", at, errorsOf(answer.body));
  }
  // What was answered then says nothing of now; and contracts C and D answer neither id nor units.
  const made =
    answer.replayed || hold.through !== "inventory"
      ? await findHold(api, hold)
      : madeOf(answer.body);
  const word = answer.replayed && !answer.retried ? "unchanged" : "imported";
  judged(report, placed, made ?? "was answered as held, and is not there", word);
}

interface HoldCall {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly body: object;
}

/** The call by which the contract's own callers would hold it. */
function callOf(hold: SourceHold, minutes: number | null): HoldCall {
  const { productId, orderId, customerId, quantity, location, through } = hold;
  switch (through) {
    case "inventory": {
      const due = minutes === null ? { standing: true } : { expirationMinutes: minutes };
      const named = {
        ...(customerId === null ? {} : { customerId }),
        ...(location === null ? {} : { location }),
      };
      const path = `${BASE}/product/${productId}/reserve`;
      return { method: "POST", path, body: { orderId, quantity, ...named, ...due } };
    }
    case "eureka": {
      const body = orderId === null ? { quantity } : { quantity, orderId };
      return { method: "POST", path: `${BASE}/${productId}/reserve`, body };
    }
    case "nestjs": {
      const path = `${NEST_BASE}/reserve-order/${productId}`;
      return { method: "PUT", path, body: { orderId, quantity } };
    }
  }
}

/** The hold that was just made: it may have another quantity than was asked for. */
function madeOf(body: unknown): FoundHold | string {
  const { data } = Reserved.safeParse(body);
  if (data === undefined) return "was answered in another shape";
  const { reservationId, status, quantity: reserved } = data.reservation;
  return { reservationId, status, reserved, live: reserved };
}

/** Counts what became of a hold, by what is there of it now. */
function judged(
  report: Report,
  { at, hold }: PlacedHold,
  found: FoundHold | string,
  word: "imported" | "unchanged",
): void {
  const conflict = (reason: string) =>
    report.fail("hold", "conflict", at, [{ field: "quantity", reason }]);
  if (typeof found === "string") return conflict(found);
  const { status, reserved, live, reservationId } = found;
  const isHeld = status === "ACTIVE" && live === hold.quantity;
  // It, or a part of it, was sold or given back here since.
  const hasEnded = status !== "ACTIVE" || reserved === hold.quantity;
  if (!isHeld && !hasEnded) return conflict(`is ${live} in Holdfast, here ${hold.quantity}`);
  const outcome = isHeld ? word : "ended";
  report.holds[outcome] += 1;
  // Whoever knew the hold by its old id finds the new one here.
  const { sourceId, orderId, productId, quantity } = hold;
  const names = { sourceId, reservationId, orderId, productId, quantity };
  const since = isHeld ? {} : { status, held: status === "ACTIVE" ? live : 0 };
  report.note({ outcome, subject: "hold", ...at, ...names, ...since });
}

const UnknownProduct = z.object({ code: z.literal("product_not_found") });
const Info = z.object({ service: z.literal("INVENTORY-SERVICE") });
const NestAnswer = z.union([
  z.object({ data: z.object({}) }),
  z.object({ statusCode: z.literal(601) }),
]);

/**
 * Rejects with Stopped where the service does not serve contract `inventory`, which brings products
 * and finds holds, or one that holds are sent through.
 */
export async function requireMounted(api: Api, contracts: ReadonlySet<Through>): Promise<void> {
  for (const contract of new Set<Through>(["inventory", ...contracts])) {
    if (!(await isMounted(api, contract))) {
      const why =
        contract === "inventory" ? "over which an import goes" : "whose callers end these holds";
      throw new Stopped(
        `the service does not serve contract ${contract}, ${why}; ` +
          `nothing was sent: start it with ${contract} in CONTRACTS, and run the import again`,
      );
    }
  }
}

async function isMounted(api: Api, contract: Through): Promise<boolean> {
  switch (contract) {
    case "inventory": {
      // Without it, this path is no other contract's.
      const { status, body } = await api.get(`${BASE}/product/any`);
      return status !== 404 || UnknownProduct.safeParse(body).success;
    }
    case "eureka":
      return Info.safeParse((await api.get("/info")).body).success;
    case "nestjs": {
      // Whatever it has of such a product, its answer is its own.
      const { body } = await api.get(`${NEST_BASE}/stock-levels/any`);
      return NestAnswer.safeParse(body).success;
    }
  }
}
