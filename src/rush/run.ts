/** A rush from its product to its table. */
import { createClient } from "#client/client";
import { randomId } from "#lib/ids";
import { productOf, readLedger, readReservations, type ReaderOptions } from "#rush/ledger";
import { createLine, type Line } from "#rush/line";
import type { Plan } from "#rush/plan";
import type { Client } from "#rush/shop";
import { startStorm, type Storm } from "#rush/storm";
import { tableOf, type Table } from "#rush/table";
import type { Told } from "#rush/told";

/** Above the longest that what is due may wait for its end while a worker was away. */
const SETTLE_MS_MAX = 90_000;
const LOOK_EVERY_MS = 500;
/** Above PATIENCE_MS, so that a table may tell of whom nobody answered; thousands would be given up in turn. */
const SILENT_MS_MAX = 120_000;
const PRODUCT_ID_LENGTH = 8;

export interface RushOptions {
  readonly url: string;
  /** Of an admin or a service. */
  readonly token: string;
  readonly plan: Plan;
  /** Stops it. */
  readonly signal: AbortSignal;
  /** Called when the storm begins. */
  readonly onStorm: (storm: Storm, line: Line) => void;
  /** One line for people. */
  readonly say: (line: string) => void;
}

/** What a rush was, when it is over. */
export interface Rush {
  readonly plan: Plan;
  readonly table: Table;
  /** Whether every line of the table is right. */
  readonly isRight: boolean;
  readonly reserves: Latencies;
  readonly line: Pick<Line, "answered" | "again" | "lost" | "best">;
  readonly orders: number;
  readonly movements: number;
  /** From the first shopper until the last had left. */
  readonly seconds: number;
}

/** Milliseconds. */
export interface Latencies {
  readonly count: number;
  readonly served: Quantiles;
  readonly felt: Quantiles;
}
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** A name that nobody has had yet. */
export const newProductId = (): string => `rush-${randomId(PRODUCT_ID_LENGTH)}`;

/** The service is gone, as far as anybody can tell. */
export class ServiceAway extends Error {
  override readonly name = "ServiceAway";
}

/**
 * Makes the product, lets everybody come, and holds what they were told against what is written down.
 * Rejects with HoldfastProblem or HoldfastUnanswered where the product cannot be made or the books not
 * be read, with LedgerAway where the ledger stays behind, with ServiceAway where everything does, and as
 * the signal says.
 */
export async function runRush(options: RushOptions): Promise<Rush> {
  const { url, token, plan, say } = options;
  const { productId, units } = plan;
  const away = new AbortController();
  const signal = AbortSignal.any([options.signal, away.signal]);
  const onSilent = (): void =>
    away.abort(new ServiceAway(`no call was served at ${url} for ${SILENT_MS_MAX / 1_000} s`));
  const line = createLine({ silentMsMax: SILENT_MS_MAX, onSilent });
  const client = createClient({ url, token, deadlineMs: plan.patienceMs, fetch: line.fetch });
  await client.initialize.$post(
    { json: { productId, sku: productId, initialStock: units, name: "A rush" } },
    { init: { signal } },
  );
  const campaignId = await planned(client, plan, signal);
  const begunAt = performance.now();
  using storm = startStorm({ client, plan, campaignId, signal });
  options.onStorm(storm, line);
  await storm.over;
  const seconds = (performance.now() - begunAt) / 1_000;
  // Of the storm alone: what follows are our own looks at the books.
  const { answered, again, lost, best } = line;
  say("the last shopper has left; now the books");
  const reader = { client, gate: storm.gate, alarm: storm.alarm, productId, signal };
  // Nobody comes any more: what is left need not stand aside until its end.
  await client.campaigns[":campaignId"].stop.$post({ param: { campaignId } }, { init: { signal } });
  await settled(reader, campaignId);
  const product = await productOf(reader);
  const ledger = await readLedger(reader, product);
  const { told } = storm;
  const ids = new Set([
    ...told.held.keys(),
    ...told.sold,
    ...ledger.held.map(({ reservationId }) => reservationId),
  ]);
  const reservations = await readReservations(reader, [...ids]);
  const table = tableOf({ units, told, ledger, reservations, product });
  return {
    plan,
    table,
    isRight: table.rows.every(({ isRight }) => isRight),
    reserves: latenciesOf(told),
    line: { answered, again, lost, best },
    orders: told.orders.size,
    movements: ledger.movements,
    seconds,
  };
}

/** A campaign of all its units, which starts as soon as somebody comes. */
async function planned(client: Client, plan: Plan, signal: AbortSignal): Promise<string> {
  const { productId, units, campaignSeconds, holdMinutes } = plan;
  const given = { param: { productId } };
  const product = await (
    await client.product[":productId"].$get(given, { init: { signal } })
  ).json();
  // By the clock of the stock, which is not ours.
  const startsAt = Date.parse(product.createdAt);
  const { campaign } = await (
    await client.campaigns.$post(
      {
        json: {
          name: `A rush of ${productId}`,
          location: product.location,
          startsAt: new Date(startsAt).toISOString(),
          endsAt: new Date(startsAt + campaignSeconds * 1_000).toISOString(),
          holdSeconds: holdMinutes * 60,
          products: [{ productId, quantity: units }],
        },
      },
      { init: { signal } },
    )
  ).json();
  return campaign.campaignId;
}

/**
 * Waits until no unit is held any more and the campaign has given back what it had, as long as that may take;
 * what is held then the table tells.
 */
async function settled(reader: ReaderOptions, campaignId: string): Promise<void> {
  const giveUpAt = Date.now() + SETTLE_MS_MAX;
  const campaign = reader.client.campaigns[":campaignId"];
  while (Date.now() < giveUpAt) {
    const { reservedStock } = await productOf(reader);
    const asked = { param: { campaignId } };
    const { state } = await (
      await campaign.$get(asked, { init: { signal: reader.signal } })
    ).json();
    if (reservedStock === 0 && state === "closed") return;
    await reader.alarm.after(LOOK_EVERY_MS);
    reader.signal.throwIfAborted();
  }
}

function latenciesOf({ reserves }: Told): Latencies {
  const quantiles = (times: readonly number[]): Quantiles => {
    const sorted = Float64Array.from(times).sort();
    const at = (share: number): number =>
      sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1] ?? 0;
    return { p50: at(0.5), p99: at(0.99) };
  };
  return {
    count: reserves.length,
    served: quantiles(reserves.map(({ servedMs }) => servedMs)),
    felt: quantiles(reserves.map(({ feltMs }) => feltMs)),
  };
}
