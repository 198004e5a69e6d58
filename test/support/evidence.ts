/** What a test saw, kept for docs/evidence.md: `test:long` collects it, every run prints it. */
import { appendFileSync } from "node:fs";

/** Figures by name, such as `{ commands: 100_000, seed: 7 }`. */
export type Figures = Readonly<Record<string, number | string>>;

/** Notes the figures of one guarantee. The file is one JSON object a line. */
export function evidence(guarantee: string, figures: Figures): void {
  const path = process.env["HOLDFAST_TEST_EVIDENCE"];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify({ guarantee, figures })}\n`);
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  console.log(`evidence: ${guarantee}: ${text.join(", ")}`);
}
