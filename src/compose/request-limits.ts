/** How many requests this installation takes of a customer and of an address, if that is limited. */
import type { Config } from "#config";
import type { Quota } from "#inventory/rates";

export interface Quotas {
  /** null: nobody's requests are counted. */
  readonly perCustomer: Quota | null;
  readonly perAddress: Quota | null;
}

export function quotasOf(config: Pick<Config, "ratePerCustomer" | "ratePerAddress">): Quotas {
  const { ratePerCustomer, ratePerAddress } = config;
  return {
    perCustomer: ratePerCustomer && { name: "customer", ...ratePerCustomer },
    perAddress: ratePerAddress && { name: "address", ...ratePerAddress },
  };
}

/** For a line of the log; null where nothing is limited. */
export function limitsText(config: Parameters<typeof quotasOf>[0]): string | null {
  const { perCustomer, perAddress } = quotasOf(config);
  const texts = [perCustomer, perAddress].flatMap((quota) =>
    quota === null ? [] : [`${quota.requests} in ${quota.seconds} s for each ${quota.name}`],
  );
  return texts.length === 0 ? null : `of requests: ${texts.join(", ")}`;
}
