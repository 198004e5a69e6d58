/** A history that cannot be explained, for people: nothing where it can. */
import type { Verdict } from "./checker";
import { told } from "./operations";

export function complaint(verdict: Verdict, name: string): string[] {
  if (verdict.kind === "explained") return [];
  const { states, operation } = verdict;
  if (verdict.kind === "too_many_states") {
    return [`${name}: more than ${states} states at ${told(operation)}: nobody knows`];
  }
  return [
    `${name} cannot be explained (${states} states). It was sound at ${verdict.from}; then`,
    ...verdict.window.map((one) => `${one === operation ? "→" : " "} ${told(one)}`),
    `the answer at the arrow cannot be. Possible:`,
    ...verdict.possible.map((one) => `  ${one}`),
  ];
}
