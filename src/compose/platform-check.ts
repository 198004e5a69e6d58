/** `platform check`: whether the services of a shop that runs work, and work together. */
import { z } from "zod";
import { SERVICES } from "#compose/companions";
import { registryUrlOf } from "#compose/platform";
import type { Config } from "#config";
import { callOut, type Call } from "#lib/call-out";
import { randomId } from "#lib/ids";
import { SERVICE as INVENTORY } from "#registry/instance";

const ANSWER_MS_MAX = 5_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** What follows by itself: a registration, the gateway's knowledge of it, a product's item. */
const FOLLOWS_MS_MAX = 15_000;
const LOOK_EVERY_MS = 100;

const Up = z.looseObject({ status: z.string() });
const Listed = z.object({
  applications: z.object({ application: z.array(z.looseObject({ name: z.string() })) }),
});
const Found = z.looseObject({
  services: z.array(
    z.object({ name: z.string(), instances: z.array(z.looseObject({ status: z.string() })) }),
  ),
});
const WithId = z.looseObject({ id: z.union([z.int(), z.string()]) });
const Priced = z.looseObject({ price: z.number() });
const Item = z.looseObject({ quantity: z.number(), reserved: z.number() });
const Ordered = z.looseObject({ totalAmount: z.number(), status: z.literal("PENDING") });
const Stepped = z.looseObject({ status: z.string() });
const Some = z.array(z.unknown()).min(1);

/** What a check found wrong. */
class CheckFailed extends Error {}

interface Checked {
  readonly what: string;
  /** null: it is as it should be. */
  readonly problem: string | null;
}

/** Runs all checks, also where one fails; answers the exit code. */
export async function runPlatformCheck(
  config: Config,
  print: (line: string) => void,
): Promise<number> {
  const found: Checked[] = [];
  for (const [what, check] of checksOf(config)) {
    const problem = await check().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    found.push({ what, problem });
    print(problem === null ? `✓ ${what}` : `✗ ${what}: ${problem}`);
  }
  const failed = found.filter(({ problem }) => problem !== null).length;
  print(`${found.length - failed} of ${found.length} checks passed`);
  return failed === 0 ? 0 : 1;
}

type Check = readonly [what: string, check: () => Promise<void>];

/** Stock of the product that the checks make, and what an order of it takes. */
const STOCK = 10;
const PRICE = 1.5;
const ORDERED = 2;
/** Every service that a shop has, as a registry knows it. */
const NAMES = [INVENTORY, ...Object.values(SERVICES)];

function checksOf(config: Config): readonly Check[] {
  const registry = `${registryUrlOf(config)}/v2/apps`;
  const health = `http://localhost:${config.registryPort}/health`;
  const gateway = `http://localhost:${config.gatewayPort}`;
  const made: Made = { product: null, order: null };
  return [
    [
      "the registry is up",
      async () => {
        const { status } = Up.parse((await ask("GET", health)).body);
        if (status !== "UP") throw new CheckFailed(`it is ${status}`);
      },
    ],
    [
      "services have registered",
      () =>
        soon(async () => {
          const { applications } = Listed.parse((await ask("GET", registry)).body);
          mustHave(applications.application);
        }),
    ],
    [
      "the gateway finds them",
      () =>
        soon(async () => {
          const found = Found.parse((await ask("GET", `${gateway}/registry/instances`)).body);
          const isUp = ({ status }: { readonly status: string }): boolean => status === "UP";
          mustHave(found.services.filter(({ instances }) => instances.some(isUp)));
        }),
    ],
    ...checksOfProducts(gateway, made),
    ...checksOfOrders(gateway, made),
  ];
}

/** What a check made, for those after it. */
interface Made {
  product: string | null;
  order: string | null;
}

function checksOfProducts(gateway: string, made: Made): readonly Check[] {
  const products = `${gateway}/api/products`;
  const item = (): string => `${gateway}/api/inventory/${there(made.product, "product")}`;
  return [
    [
      "a product is made, read, changed and listed",
      async () => {
        const about = { name: "Checked", description: "made by a check", category: "Checks" };
        const body = { ...about, price: 1, initialStock: STOCK };
        const url = `${products}/${(made.product = idIn(await ask("POST", products, body)))}`;
        await ask("PUT", url, { price: PRICE });
        const { price } = Priced.parse((await ask("GET", url)).body);
        if (price !== PRICE) throw new CheckFailed(`its price is ${price}, not ${PRICE}`);
        Some.parse((await ask("GET", products)).body);
      },
    ],
    [
      "its inventory item follows by itself",
      async () => {
        const url = item();
        await soon(() => mustHold(url, STOCK, 0));
      },
    ],
    [
      "units of it are reserved and released, and no more than there are",
      async () => {
        await ask("POST", `${item()}/reserve`, { quantity: 3 });
        await mustHold(item(), STOCK, 3);
        await ask("POST", `${item()}/release`, { quantity: 3 });
        await mustHold(item(), STOCK, 0);
        await mustRefuse(`${item()}/reserve`, { quantity: STOCK + 1 });
      },
    ],
  ];
}

function checksOfOrders(gateway: string, made: Made): readonly Check[] {
  const orders = `${gateway}/api/orders`;
  const customerId = `check-${randomId(8)}`;
  const product = (): string => there(made.product, "product");
  const item = (): string => `${gateway}/api/inventory/${product()}`;
  const cart = (quantity: number) => {
    return { customerId, items: [{ productId: Number(product()), quantity }] };
  };
  const step = async (order: string, status: string): Promise<void> => {
    const answer = Stepped.parse((await ask("PUT", `${orders}/${order}/status`, { status })).body);
    if (answer.status !== status) throw new CheckFailed(`it is ${answer.status}, not ${status}`);
  };
  return [
    [
      "an order has the product's price, and holds its units",
      async () => {
        const answer = await ask("POST", orders, cart(ORDERED));
        made.order = idIn(answer);
        const { totalAmount } = Ordered.parse(answer.body);
        const total = PRICE * ORDERED;
        if (totalAmount !== total) throw new CheckFailed(`it is ${totalAmount}, not ${total}`);
        await mustHold(item(), STOCK, ORDERED);
        await ask("GET", `${orders}/${made.order}`);
        const own = Some.parse((await ask("GET", `${orders}/customer/${customerId}`)).body);
        if (own.length !== 1) throw new CheckFailed(`its customer has ${own.length} orders, not 1`);
      },
    ],
    [
      "an order that is confirmed is sold, and one that is cancelled is given back",
      async () => {
        await step(there(made.order, "order"), "CONFIRMED");
        await mustHold(item(), STOCK - ORDERED, 0);
        await step(idIn(await ask("POST", orders, cart(ORDERED))), "CANCELLED");
        await mustHold(item(), STOCK - ORDERED, 0);
      },
    ],
    [
      "more than there is cannot be ordered, and the product goes",
      async () => {
        await mustRefuse(orders, cart(STOCK));
        await ask("DELETE", `${gateway}/api/products/${product()}`);
      },
    ],
  ];
}

/** Looks until it is as it should be; a service that does not answer at all is not waited for. */
async function soon(look: () => Promise<void>): Promise<void> {
  const end = performance.now() + FOLLOWS_MS_MAX;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof CheckFailed) || performance.now() > end) throw error;
    }
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

function there(id: string | null, what: string): string {
  if (id === null) throw new CheckFailed(`there is no ${what} to look at`);
  return id;
}

const idIn = ({ body }: { readonly body: unknown }): string => String(WithId.parse(body).id);

function mustHave(services: readonly { readonly name: string }[]): void {
  const names = new Set(services.map(({ name }) => name));
  const lacking = NAMES.filter((name) => !names.has(name));
  if (lacking.length > 0) throw new CheckFailed(`not there: ${lacking.join(", ")}`);
}

const BOUNDS = { withinMs: ANSWER_MS_MAX, bytesMax: ANSWER_BYTES_MAX };

/** An answer of success; what else comes is a check that failed. */
async function ask(
  method: Call["method"],
  url: string,
  body?: object,
): Promise<{ readonly body: unknown }> {
  const { status, text } = await callOut({ method, url, body, ...BOUNDS });
  if (status >= 300) {
    const { host, pathname } = new URL(url);
    throw new CheckFailed(`${method} ${host}${pathname} was answered ${status}: ${text}`);
  }
  return { body: text === "" ? null : JSON.parse(text) };
}

/** Too much was asked for: 400, as the shops before had it. */
async function mustRefuse(url: string, body: object): Promise<void> {
  const { status } = await callOut({ method: "POST", url, body, ...BOUNDS });
  if (status !== 400) throw new CheckFailed(`too much was asked for, and answered ${status}`);
}

async function mustHold(url: string, quantity: number, reserved: number): Promise<void> {
  const item = Item.parse((await ask("GET", url)).body);
  if (item.quantity === quantity && item.reserved === reserved) return;
  throw new CheckFailed(
    `${item.quantity} and ${item.reserved} reserved, not ${quantity} and ${reserved}`,
  );
}
