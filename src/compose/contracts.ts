import type { Config, Problem, Texts } from "#config";
import { compat } from "#compat/index";
import type { Contract } from "#http/contract";
import { inventory } from "#http/inventory";

const KNOWN: readonly Contract[] = [inventory, ...compat];

/** The contracts that the configuration asks for; all there are where it names none. */
export function contractsOf({ contracts }: Pick<Config, "contracts">): readonly Contract[] {
  if (contracts === undefined) return KNOWN;
  return contracts.map((name) => {
    const contract = contractNamed(name);
    if (contract === undefined) throw new Error(`there is no contract ${name}`);
    return contract;
  });
}

/**
 * What is wrong with the contracts that are asked for: those that are not there, and in production
 * those that everybody could change stock through, unless that is said to be meant.
 */
export function contractProblems(texts: Texts, production: boolean): readonly Problem[] {
  const problem = (text: string): Problem => ({ variable: "CONTRACTS", problem: text });
  const names = texts.CONTRACTS?.split(",").map((name) => name.trim()) ?? [];
  const unknown = names.filter((name) => contractNamed(name) === undefined);
  if (unknown.length > 0) {
    const list = unknown.join(", ");
    return [problem(`there is no contract ${list}; there are: ${namesOf(KNOWN)}`)];
  }
  const asked = names.flatMap((name) => contractNamed(name) ?? []);
  const open = asked.filter(({ knowsTokens }) => !knowsTokens);
  const isMeant = texts.CONTRACTS_AUTH === "required" || texts.CONTRACTS_OPEN === "1";
  if (!production || isMeant || open.length === 0) return [];
  return [
    problem(
      `${namesOf(open)} would take changes from everybody; CONTRACTS_AUTH=required demands tokens, CONTRACTS_OPEN=1 says that this is meant`,
    ),
  ];
}

const contractNamed = (name: string): Contract | undefined =>
  KNOWN.find((known) => known.name === name);

export const namesOf = (contracts: readonly Contract[]): string =>
  contracts.map(({ name }) => name).join(", ");
