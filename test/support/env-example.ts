import { VARIABLES, type Variable } from "#config";

/** The table as a file for `cp .env.example .env`: what is off or decided at start is commented. */
export function envExample(): string {
  const entries = VARIABLES.map(
    ({ name, fallback, productionFallback, meaning, secret }: Variable) =>
      [
        `# ${meaning.replaceAll("`", "")}.`,
        ...(secret ? [`# A secret: ${name}_FILE may name a file that holds it.`] : []),
        ...(productionFallback ? [`# In production: ${productionFallback}.`] : []),
        fallback === undefined ? `# ${name}=` : `# ${name}=${fallback}`,
      ].join("\n"),
  );
  return `# Every variable of Holdfast with its default. Remove the # of those you change.\n\n${entries.join("\n\n")}\n`;
}

if (import.meta.main) await Bun.write(new URL("../../.env.example", import.meta.url), envExample());
