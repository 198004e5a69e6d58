/** Lines at rest, movement by movement: who is offered what, in which order, and that nobody else takes it. */
import type { Movement } from "#inventory/model";
import { partitionTag, recordKey, stockKey, waitedKey, waitingKey, waitsKey } from "#redis/keys";
import { brokenLines } from "#test/waitlist-laws";
import { lateness, type Judged } from "./lateness.ts";
import type { SimulatedRedis } from "./redis/server.ts";

/** Of free units that somebody waits for: a worker looks each second. */
const OFFERED_MS_MAX = 1_500;
const OFFERED = "offered";
/** Why a place ends by itself, first in line first. */
const PASSED: ReadonlySet<string> = new Set([OFFERED, "above_quota", "held", "confirmed"]);
const WAITLIST = "system:waitlist";
/** Of a campaign's ring-fence, which is not for who waits. */
export const isFence = (location: string): boolean => location.includes("~");

/** What stands beside the records of who waits. */
export function brokenLinesIn({ keys }: Pick<SimulatedRedis, "keys">): string[] {
  const prefix = `${partitionTag(0)}stock:`;
  const products = Array.from(keys.keys()).flatMap(([key]) => {
    if (!key.startsWith(prefix)) return [];
    const id = key.slice(prefix.length);
    const waiting = keys.read(stockKey(0, id), "hash")?.fields.get("waiting") ?? null;
    return [{ id, waiting, line: [...(keys.read(waitingKey(0, id), "zset")?.scores ?? [])] }];
  });
  return brokenLines(0, {
    records: [...(keys.read(recordKey(0, "waiting"), "hash")?.fields ?? [])],
    products,
    waited: [...(keys.read(waitedKey(0), "zset")?.scores.keys() ?? [])],
    waits: [...(keys.read(waitsKey(0), "hash")?.fields ?? [])],
  });
}

/** A product of which something is free, and somebody waits; by the ledger. */
interface Line {
  /** Orders, first in line first. */
  readonly orders: string[];
  readonly free: Map<string, number>;
  /** Since when both are so (ms); null: they are not. */
  idleSince: number | null;
}

const freeOf = ({ free }: Line): number =>
  [...free.values()].reduce((sum, units) => sum + units, 0);

export class LineLaws {
  readonly #run: Judged;
  readonly #lines = new Map<string, Line>();
  /** Of who was given units by an offer, until the place is gone. */
  #given: Movement | null = null;
  readonly broken: string[] = [];

  constructor(run: Judged) {
    this.#run = run;
    const { movements } = run.ledger.state;
    for (const [i, movement] of movements.entries()) this.#follow(movement, movements[i - 1]);
    if (this.#given !== null) this.#break(this.#given, "was offered, and is in line");
    for (const [product, { orders, free }] of this.#lines) {
      const units = [...free.values()].reduce((sum, one) => sum + one, 0);
      if (orders.length > 0 && units > 0) {
        this.broken.push(`${units} of ${product} are free, and ${orders[0]} waits`);
      }
    }
  }

  #break({ seq, type, orderId }: Movement, what: string): void {
    this.broken.push(`movement ${seq}: ${type} of ${orderId}: ${what}`);
  }

  #line(product: string): Line {
    const line = this.#lines.get(product) ?? { orders: [], free: new Map(), idleSince: null };
    this.#lines.set(product, line);
    return line;
  }

  #follow(movement: Movement, before: Movement | undefined): void {
    const { productId, location, type, reference, reason, actor } = movement;
    const given = this.#given;
    const product = type === "RECORD" ? /^waiting:(.*)$/.exec(reference ?? "")?.[1] : productId;
    if (product === null || product === undefined) return;
    const line = this.#line(product);
    if (type === "RECORD") {
      this.#given = null;
      if (reason === OFFERED && given?.orderId !== movement.orderId) {
        this.#break(movement, "was offered nothing");
      }
      this.#move(movement, line);
    } else {
      const isOffer = actor === WAITLIST && reason === OFFERED && type === "RESERVE";
      if (given !== null && (!isOffer || given.orderId !== movement.orderId)) {
        this.#break(given, "was offered, and is in line");
      }
      this.#given = isOffer ? movement : null;
      if (isOffer && isFence(location)) this.#break(movement, "offered of a campaign");
      if (!isOffer && line.orders.length > 0) this.#mustTakeNothing(movement, before);
      if (!isFence(location)) {
        line.free.set(location, movement.onHandAfter - movement.reservedAfter);
      }
    }
    this.#judge(product, line, movement.at);
  }

  /** A place begins, or ends. */
  #move(movement: Movement, { orders }: Line): void {
    const { orderId, reason } = movement;
    const at = orders.indexOf(orderId ?? "");
    if (reason === "joined") {
      if (at < 0) orders.push(orderId ?? "");
      return;
    }
    this.#run.saw(`place ended: ${reason}`);
    if (at < 0) this.#break(movement, `${reason} without a place`);
    if (PASSED.has(reason ?? "") && at > 0) {
      this.#break(movement, `${reason}, and ${orders[0]} is before it`);
    }
    if (at >= 0) orders.splice(at, 1);
  }

  /** Whoever is not in line may keep what it has, and no more. */
  #mustTakeNothing(movement: Movement, before: Movement | undefined): void {
    const { type, reservationId, location } = movement;
    if (isFence(location)) return;
    if (type === "SALE" && reservationId === null) this.#break(movement, "sold past a line");
    if (type !== "RESERVE") return;
    this.#run.saw("take where somebody waits");
    // What it had of that product was given back right before.
    const had = this.#givenBack(movement, before);
    const units = movement.reservedAfter - movement.reservedBefore;
    if (units > had) this.#break(movement, `takes ${units} past a line, and had ${had}`);
  }

  /** Units that the same request released of that product just before. */
  #givenBack({ requestId, productId, seq }: Movement, before: Movement | undefined): number {
    const { movements } = this.#run.ledger.state;
    let units = 0;
    for (let i = (before?.seq ?? 0) - 1; i >= 0; i -= 1) {
      const one = movements[i];
      if (one === undefined || one.requestId !== requestId || one.seq >= seq) break;
      if (one.productId !== productId || isFence(one.location)) continue;
      if (one.type === "RELEASE" || one.type === "RESERVE") {
        units -= one.reservedAfter - one.reservedBefore;
      }
    }
    return requestId === null ? 0 : units;
  }

  /** What is free is offered soon. */
  #judge(product: string, line: Line, at: number): void {
    const isIdle = line.orders.length > 0 && freeOf(line) > 0;
    if (isIdle === (line.idleSince !== null)) return;
    const since = line.idleSince;
    line.idleSince = isIdle ? at : null;
    if (since === null) return;
    const awaited = { what: "offer", from: since, due: since, at, calmMsMax: OFFERED_MS_MAX };
    const late = lateness(this.#run, awaited);
    if (late !== null) this.broken.push(`free units of ${product} were offered ${late}`);
  }
}

/** Whether nothing is left to offer. */
export function areLinesIdle({ keys }: Pick<SimulatedRedis, "keys">): boolean {
  const waited = keys.read(waitedKey(0), "zset")?.scores.keys() ?? [];
  return [...waited].every((product) => {
    const fields = keys.read(stockKey(0, product), "hash")?.fields ?? new Map<string, string>();
    const free = Array.from(fields).reduce((sum, [field, value]) => {
      if (isFence(field)) return sum;
      if (field.startsWith("onHand:")) return sum + Number(value);
      return field.startsWith("reserved:") ? sum - Number(value) : sum;
    }, 0);
    return free <= 0;
  });
}
