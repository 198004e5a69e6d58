/** What a test saw, kept for docs/evidence.md: `test:long` collects it, every run prints it. */
import { appendFileSync } from "node:fs";

/** Figures by name, such as `{ commands: 100_000, seed: 7 }`. */
export type Figures = Readonly<Record<string, number | string>>;

export interface EvidenceOptions {
  /**
   * How often the same was tried anew, each time as likely to fail as the other: a kill and what
   * came after it, a file that was cut. Not given where there is no such number: where the trials
   * are of many kinds, where one long run is judged, or where chance decides what a checker sees.
   */
  readonly trials?: number;
}

/** Notes the figures of one guarantee. The file is one JSON object a line. */
export function evidence(guarantee: string, seen: Figures, { trials }: EvidenceOptions = {}): void {
  const figures = trials === undefined ? seen : { ...seen, trials };
  const path = process.env["HOLDFAST_TEST_EVIDENCE"];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify({ guarantee, figures })}\n`);
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  console.log(`evidence: ${guarantee}: ${text.join(", ")}`);
}
