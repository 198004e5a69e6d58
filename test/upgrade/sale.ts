/** A sale in one store: a limit, a campaign and a line, and shoppers who meet them at either version. */
import postgres from "postgres";
import { z } from "zod";
import { randomId } from "#lib/ids";
import type { Acknowledged } from "#test/audit";
import { Caller, codeIn, reservationIn, type Answer, type Request } from "#test/caller";
import { until } from "#test/until";

const UNITS = 100_000;
const FENCED = 10_000;
/** Fewer than those who shop: somebody waits. */
const IN_LINE = 2;
const LIMIT = 3;
const SHOPPERS = 3;
const OPEN_MS = 86_400_000;
const OFFERED_MS_MAX = 30_000;

export const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });
export const PlaceOf = z.object({ status: z.string(), reservationId: z.string().nullable() });
const Placed = z.object({ place: PlaceOf });

export interface Sale {
  readonly productId: string;
  /** The product that is waited for. */
  readonly lineId: string;
  readonly limitId: string;
  readonly campaignId: string;
}

type Ask = (
  method: Request["method"],
  path: string,
  body: object,
  statuses?: readonly number[],
) => Promise<Answer>;

/** Under a name of its own, until it is answered; throws at a status that should not be. */
export const asking =
  (url: string, token: string): Ask =>
  async (method, path, body, statuses = [200, 201]) => {
    const request = { method, path, token, ...(method === "GET" ? {} : { body }) };
    const key = method === "GET" ? {} : { key: randomId(12) };
    const answer = await new Caller(url).call({ ...request, ...key });
    if (statuses.includes(answer.status)) return answer;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };

export async function openSale(url: string, token: string): Promise<Sale> {
  const ask = asking(url, token);
  const [productId, lineId, limitId] = [randomId(8), randomId(8), randomId(8)];
  for (const [id, initialStock] of [
    [productId, UNITS],
    [lineId, IN_LINE],
  ] as const) {
    await ask("POST", "/initialize", { productId: id, sku: `SKU-${id}`, initialStock });
  }
  await ask("PUT", `/limits/${limitId}`, { products: [productId], maxUnits: LIMIT });
  const now = Date.now();
  const planned = await ask("POST", "/campaigns", {
    name: "across versions",
    location: "default",
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + OPEN_MS).toISOString(),
    products: [{ productId, quantity: FENCED }],
  });
  const { campaignId } = Planned.parse(planned.body).campaign;
  return { productId, lineId, limitId, campaignId };
}

/** Those who shop at one process, until they are stopped; what they were told, and how often. */
export class Shoppers implements AsyncDisposable {
  readonly acknowledged: Acknowledged[] = [];
  readonly strange: string[] = [];
  readonly told = { limited: 0, ofCampaign: 0, offered: 0 };
  readonly #ask: Ask;
  readonly #sale: Sale;
  readonly #loops: readonly Promise<void>[];
  #isStopped = false;

  constructor(url: string, token: string, sale: Sale) {
    this.#ask = asking(url, token);
    this.#sale = sale;
    this.#loops = Array.from({ length: SHOPPERS }, () => this.#shop());
  }

  /** Lets them finish what they are at. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }
  [Symbol.asyncDispose] = (): Promise<void> => this.stop();

  /** Until each of the three was met so often again. */
  async more(count: number, withinMs: number): Promise<void> {
    const before = { ...this.told };
    const isDone = (): boolean =>
      this.strange.length > 0 ||
      (this.told.limited >= before.limited + count &&
        this.told.ofCampaign >= before.ofCampaign + count &&
        this.told.offered >= before.offered + count);
    await until(async () => isDone(), { withinMs, what: "shoppers meet limit, campaign and line" });
  }

  async #shop(): Promise<void> {
    while (!this.#isStopped && this.strange.length === 0) {
      try {
        await this.#underLimit(randomId(8));
        await this.#ofCampaign(randomId(8));
        await this.#inLine(randomId(8));
      } catch (error) {
        this.strange.push(String(error));
      }
    }
  }

  async #reserve(customerId: string, quantity: number, more: object = {}): Promise<string> {
    const path = `/product/${this.#sale.productId}/reserve`;
    const body = { customerId, orderId: randomId(8), quantity, ...more };
    const answer = await this.#ask("POST", path, body, [201]);
    return this.#note(answer, "RESERVE", quantity, reservationIn(answer).reservationId);
  }

  #note({ requestId }: Answer, type: Acknowledged["type"], units: number, id: string): string {
    this.acknowledged.push({ requestId, type, units, reservationId: id });
    return id;
  }

  async #end(verb: "confirm" | "cancel", id: string, units: number): Promise<void> {
    const answer = await this.#ask("POST", `/reservation/${id}/${verb}`, {}, [200]);
    this.#note(answer, verb === "confirm" ? "SALE" : "RELEASE", units, id);
  }

  async #mustBeLimited(customerId: string, quantity: number): Promise<void> {
    const path = `/product/${this.#sale.productId}/reserve`;
    const body = { customerId, orderId: randomId(8), quantity };
    const answer = await this.#ask("POST", path, body, [409]);
    if (codeIn(answer) !== "limit_exceeded") this.strange.push(`beyond: ${codeIn(answer)}`);
    this.told.limited += 1;
  }

  /** What is bought counts as what is held, and what is given back does not. */
  async #underLimit(customerId: string): Promise<void> {
    const bought = await this.#reserve(customerId, LIMIT - 1);
    await this.#mustBeLimited(customerId, 2);
    await this.#end("confirm", bought, LIMIT - 1);
    const held = await this.#reserve(customerId, 1);
    await this.#mustBeLimited(customerId, 1);
    await this.#end("cancel", held, 1);
  }

  async #ofCampaign(customerId: string): Promise<void> {
    const held = await this.#reserve(customerId, 1, { campaign: this.#sale.campaignId });
    await this.#end(this.told.ofCampaign % 2 === 0 ? "confirm" : "cancel", held, 1);
    this.told.ofCampaign += 1;
  }

  /** What is offered is given back, or sold and put into the house again. */
  async #inLine(orderId: string): Promise<void> {
    const path = `/product/${this.#sale.lineId}`;
    const body = { orderId, quantity: 1 };
    const joined = await this.#ask("POST", `${path}/waitlist`, body, [200, 201, 409]);
    // Nobody waits, and units are there.
    const bought = joined.status === 409 ? await this.#buy(orderId) : null;
    const id = bought ?? (joined.status === 409 ? null : await this.#offered(orderId));
    if (id === null) return;
    if (this.told.offered % 2 === 0) await this.#end("cancel", id, 1);
    else {
      await this.#end("confirm", id, 1);
      const restock = { quantity: 1, type: "RESTOCK" };
      await this.#ask("PATCH", `${path}/stock`, restock);
    }
    if (joined.status !== 409) this.told.offered += 1;
  }

  /** null: others wait meanwhile, or were faster. */
  async #buy(orderId: string): Promise<string | null> {
    const path = `/product/${this.#sale.lineId}/reserve`;
    const answer = await this.#ask("POST", path, { orderId, quantity: 1 }, [201, 409]);
    if (answer.status === 409) return null;
    return this.#note(answer, "RESERVE", 1, reservationIn(answer).reservationId);
  }

  /** The id of what it is offered; null: it has left the line. */
  async #offered(orderId: string): Promise<string | null> {
    const path = `/product/${this.#sale.lineId}/waitlist`;
    let id: string | null = null;
    const isOver = async (): Promise<boolean> => {
      const answer = await this.#ask("GET", `${path}?orderId=${orderId}`, {});
      const place = PlaceOf.parse(answer.body);
      if (place.status === "offered") id = place.reservationId;
      return id !== null || this.#isStopped;
    };
    await until(isOver, { withinMs: OFFERED_MS_MAX, what: `${orderId} is offered a unit` });
    if (id !== null) return id;
    const left = await this.#ask("POST", `${path}/leave`, { orderId }, [200]);
    return Placed.parse(left.body).place.reservationId;
  }
}

/** What is not so of the line, by the ledger: who is offered something stood first, and did once. */
export async function brokenLine(databaseUrl: string, { lineId }: Sale) {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await using _ = { [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
  const rows = await sql<{ reason: string; orderId: string }[]>`
    SELECT reason, order_id AS "orderId" FROM movements
    WHERE reference = ${`waiting:${lineId}`} AND type = 'RECORD' ORDER BY seq`;
  const line: string[] = [];
  const broken: string[] = [];
  let offers = 0;
  for (const { reason, orderId } of rows) {
    if (reason === "joined") line.push(orderId);
    if (reason === "offered" && line[0] !== orderId) broken.push(`${orderId} was not the first`);
    if (reason === "offered") offers += 1;
    if (reason !== "joined") line.splice(line.indexOf(orderId), 1);
  }
  return { broken, offers, waiting: line.length };
}
