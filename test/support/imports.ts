/** Files for `import`, the rows that a source reads in them, and the command itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Reading, Row, Source } from "#import/rows";
import { startRedis, temporaryFolder, testDatabase, type TestServer } from "#test/servers";
import { JWT_SECRET, runMain, startService, tokenOf, type Service } from "#test/service";

/** What sources read at, in these tests. */
export const NOW = Date.parse("2026-01-01T00:00:00Z");

const folder = temporaryFolder("import");
let files = 0;

/** Writes a file of its own; answers its path. */
export async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  await Bun.write(path, content);
  return path;
}

/** All rows of one file. */
export async function rowsOf(
  source: Source,
  file: string,
  more: Partial<Reading> = {},
): Promise<Row[]> {
  const none = { heldBy: null, through: "inventory", tables: new Map() } as const;
  const reading = { files: [file], now: NOW, ...none, ...quiet, ...more };
  return await Array.fromAsync(source(reading));
}

const quiet = { onBytes: () => {}, onIgnored: () => {} };

/** Rows as one reads them: `product lamp 5`, `2 quantity: must be …`. */
export function told(rows: readonly Row[]): string[] {
  return rows.map((row) => {
    switch (row.kind) {
      case "product": {
        const { body, levels } = row.product;
        const stock = levels.map(({ location, onHand }) => `${location ?? "-"}=${onHand}`);
        return `product ${body.productId} ${stock.join(" ")}`;
      }
      case "hold": {
        const { productId, orderId, quantity, expiresAt } = row.hold;
        return `hold ${productId} ${orderId ?? "-"} ${quantity} ${expiresAt ?? "standing"}`;
      }
      case "history":
        return "history";
      case "refused":
        return row.errors
          .map(({ field, reason }) => `${row.at.line} ${field}: ${reason}`)
          .join("; ");
    }
  });
}

/** Objects as JSON lines. */
export const lines = (items: readonly object[]): string =>
  items.map((item) => JSON.stringify(item)).join("\n");

/** A service with servers of its own. */
export interface ImportBed extends AsyncDisposable {
  readonly service: Service;
  readonly redis: TestServer;
}

export async function openImportBed(
  env: Readonly<Record<string, string>> = {},
): Promise<ImportBed> {
  const [redis, database] = await Promise.all([startRedis(), testDatabase()]);
  const service = await startService({ redisUrl: redis.url, databaseUrl: database.url, env });
  return {
    service,
    redis,
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await Promise.all([redis.stop(), database.drop()]);
    },
  };
}

/** Runs `import` against a service, as an admin unless `env` says otherwise. */
export async function importing(
  service: Pick<Service, "url">,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  const env = { IMPORT_TOKEN: await tokenOf("admin", "import-test"), JWT_SECRET };
  return await runMain(["import", "--url", service.url, ...args], env);
}

const Stock = z.object({
  sku: z.string(),
  name: z.string().nullable(),
  totalStock: z.number(),
  reservedStock: z.number(),
  availableStock: z.number(),
  locations: z.array(z.object({ location: z.string(), onHand: z.number() })),
});

/** What the service has of a product; null for none. */
export async function stockOf(service: Service, productId: string) {
  const response = await fetch(`${service.url}/api/inventory/product/${productId}`);
  const body: unknown = await response.json();
  return response.status === 404 ? null : Stock.parse(body);
}

/** Sends as an admin; throws where it is not taken. */
export async function asAdmin(service: Service, method: string, path: string, body: object) {
  const authorization = `Bearer ${await tokenOf("admin", "somebody")}`;
  const headers = { authorization, "content-type": "application/json" };
  const init = { method, headers, body: JSON.stringify(body) };
  const response = await fetch(`${service.url}/api/inventory${path}`, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  const answer: unknown = JSON.parse(text);
  return answer;
}

/** A file that has an earlier report, longer than any of these. */
export const reportFile = () => fileOf("report.jsonl", '{"outcome":"earlier"}\n'.repeat(200));

/** The report's lines. */
export function reported(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, "utf8").trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}
