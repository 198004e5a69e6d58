/** The lines from the orders service to the inventory and to PostgreSQL, harmed from outside. */
import { startFaultyProxy, type Fault } from "#test/faulty-proxy";
import { requestsOf } from "#test/wire-units";

export type Choice = (request: string) => Fault | "pass";

export interface OrdersLines extends AsyncDisposable {
  /** What an orders service is started with that goes by way of them. */
  readonly env: Readonly<Record<string, string>>;
  /** What happens from now on; of a line that is not named nothing. */
  harm(choices: { readonly inventory?: Choice; readonly database?: Choice }): void;
}

export async function openLines(inventoryUrl: string, databaseUrl: string): Promise<OrdersLines> {
  let harms: { readonly inventory?: Choice; readonly database?: Choice } = {};
  const inventory = await startFaultyProxy({
    url: inventoryUrl,
    unitsOf: requestsOf,
    choose: (request) => harms.inventory?.(request.toString("latin1")) ?? "pass",
    alone: String,
  });
  const database = await startFaultyProxy({
    url: databaseUrl,
    unitsOf: (bytes) => ({ units: [bytes], rest: Buffer.alloc(0) }),
    choose: (request) => harms.database?.(request.toString("latin1")) ?? "pass",
    alone: String,
  });
  return {
    env: { INVENTORY_URL: inventory.url.replace(/\/$/, ""), DATABASE_URL: database.url },
    harm(choices) {
      harms = choices;
    },
    async [Symbol.asyncDispose]() {
      await inventory[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
