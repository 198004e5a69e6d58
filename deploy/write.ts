/**
 * Writes the manifests as YAML, as `kubectl apply -k` takes them: `bun deploy/write.ts`, and then
 * `bun run fix` for their format.
 */
import { z } from "zod";
import { RULES } from "./alerts.ts";
import { dashboard } from "./dashboard.ts";
import { manifests } from "./manifests.ts";
import { ADAPTER, SCRAPING } from "./monitoring.ts";

const HEAD =
  "# Written by deploy/write.ts: change what it is made from, or lay a kustomization over it.\n";

/** Path below `deploy` → its documents. */
export function files(): ReadonlyMap<string, readonly object[]> {
  return new Map<string, readonly object[]>([
    ...Array.from(manifests(), ([path, objects]) => [`kubernetes/${path}`, objects] as const),
    ["monitoring/prometheus.yaml", [{ scrape_configs: SCRAPING }]],
    ["monitoring/alerts.yaml", [RULES]],
    ["monitoring/adapter.yaml", [{ rules: ADAPTER }]],
  ]);
}

const textOf = (documents: readonly object[]): string =>
  HEAD + documents.map((one) => `${inLines(Bun.YAML.stringify(one, null, 2))}\n`).join("---\n");

/** Texts of several lines as such, for people to read. */
function inLines(yaml: string): string {
  const several = /^( *)([\w.-]+): ("(?:[^"\\]|\\.)*\\n")$/gm;
  return yaml.replaceAll(several, (_all, indent: string, key: string, quoted: string) => {
    const lines = z.string().parse(JSON.parse(quoted)).replace(/\n$/, "").split("\n");
    const indented = lines.map((line) => (line === "" ? "" : `${indent}  ${line}`));
    return [`${indent}${key}: |`, ...indented].join("\n");
  });
}

/** JSON, which has no comments: what it is made from stands in dashboard.ts. */
export const DASHBOARD = "monitoring/dashboard.json";

if (import.meta.main) {
  await Bun.write(new URL(DASHBOARD, import.meta.url), `${JSON.stringify(dashboard(), null, 2)}\n`);
  for (const [path, documents] of files()) {
    await Bun.write(new URL(path, import.meta.url), textOf(documents));
  }
}
