/** Requests that are counted. */
import { expect } from "bun:test";
import { Charge, type Quota } from "#inventory/rates";

const ONCE: Quota = { name: "customer", requests: 1, seconds: 3_600 };

/** Makes the same call twice in the name of somebody who may make one: the second is refused. */
export async function limited(call: (charge: Charge) => Promise<unknown>): Promise<void> {
  const charge = (): Charge => new Charge([{ quota: ONCE, identity: "once" }]);
  await call(charge());
  await expect(call(charge())).rejects.toMatchObject({ code: "rate_limited" });
}
