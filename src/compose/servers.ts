/** The servers to use: those that are given, and real ones of our own for those that are not. */
import type { Config } from "#config";
import type { Urls } from "#compose/stores";
import { startEmbedded } from "#embedded/servers";

export interface Servers extends Urls {
  /** Where they are, in words for a person; without passwords. */
  readonly description: { readonly redis: string; readonly postgres: string };
  stop(): Promise<void>;
}

export async function openServers(config: Config, say: (line: string) => void): Promise<Servers> {
  const { redisUrl, databaseUrl, dataDir } = config;
  if (redisUrl !== undefined && databaseUrl !== undefined) {
    return describe(redisUrl, databaseUrl, "given", "given", () => Promise.resolve());
  }
  const embedded = await startEmbedded({
    dataDir,
    redis: redisUrl === undefined,
    postgres: databaseUrl === undefined,
    say,
  });
  const own = `own, data in ${dataDir}`;
  return describe(
    redisUrl ?? embedded.redisUrl,
    databaseUrl ?? embedded.databaseUrl,
    redisUrl === undefined ? own : "given",
    databaseUrl === undefined ? own : "given",
    () => embedded.stop(),
  );
}

function describe(
  redisUrl: string,
  databaseUrl: string,
  redisNote: string,
  postgresNote: string,
  stop: () => Promise<void>,
): Servers {
  const description = {
    redis: `${withoutPassword(redisUrl)} (${redisNote})`,
    postgres: `${withoutPassword(databaseUrl)} (${postgresNote})`,
  };
  return { redisUrl, databaseUrl, description, stop };
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
