import type { Config } from "#config";
import { Refusal } from "#compose/refusal";
import { compat } from "#compat/index";
import type { Contract } from "#http/contract";
import { inventory } from "#http/inventory";

/** The contracts that the configuration names. Throws a Refusal for one that is not there. */
export function contractsOf(names: Config["contracts"]): readonly Contract[] {
  const known = [inventory, ...compat];
  return names.map((name) => {
    const contract = known.find((candidate) => candidate.name === name);
    if (contract === undefined) throw new Refusal(`CONTRACTS: there is no contract ${name} here`);
    return contract;
  });
}
