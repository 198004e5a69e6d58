import type { Config } from "#config";
import { Refusal } from "#compose/refusal";
import { compat } from "#compat/index";
import type { Contract } from "#http/contract";
import { inventory } from "#http/inventory";

const KNOWN: readonly Contract[] = [inventory, ...compat];

type Asked = Pick<Config, "contracts" | "contractsNeedTokens" | "contractsOpen" | "production">;

/**
 * The contracts that the configuration asks for. Throws a Refusal for one that is not there, and in
 * production for those that everybody could change stock through, unless that is said to be meant.
 */
export function contractsOf(asked: Asked): readonly Contract[] {
  const contracts = asked.contracts?.map(contractNamed) ?? KNOWN;
  const open = asked.contractsNeedTokens ? [] : contracts.filter((known) => !known.knowsTokens);
  if (asked.production && !asked.contractsOpen && open.length > 0) {
    throw new Refusal(
      `CONTRACTS: ${namesOf(open)} would take changes from everybody; CONTRACTS_AUTH=required demands tokens, CONTRACTS_OPEN=1 says that this is meant`,
    );
  }
  return contracts;
}

function contractNamed(name: string): Contract {
  const contract = KNOWN.find((known) => known.name === name);
  if (contract !== undefined) return contract;
  throw new Refusal(`CONTRACTS: there is no contract ${name}; there are: ${namesOf(KNOWN)}`);
}

const namesOf = (contracts: readonly Contract[]): string =>
  contracts.map(({ name }) => name).join(", ");
