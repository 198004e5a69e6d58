/** The servers to use: those that are given, and real ones of our own for those that are not. */
import { resolve } from "node:path";
import { Refusal } from "#compose/refusal";
import type { Config } from "#config";
import type { Urls } from "#compose/stores";
import { holdsData } from "#embedded/data-folder";
import { startEmbedded, type Say } from "#embedded/servers";

export interface Servers extends Urls {
  /** Where they are, in words for a person; without passwords. */
  readonly description: { readonly redis: string; readonly postgres: string };
  /** Settles with the reason when servers of our own are gone; never for those that are given. */
  readonly lost: Promise<string>;
  /** From here on no other process joins servers of our own. */
  withdraw(): void;
  stop(): Promise<void>;
}

type Fate = Pick<Servers, "lost" | "withdraw" | "stop">;

/** Servers that are given are none of our business. */
const NOT_OURS: Fate = {
  lost: new Promise(() => {}),
  withdraw: () => {},
  stop: () => Promise.resolve(),
};

/** As `openServers`, for what works with a store that is there: it makes no new one. */
export async function openExistingServers(config: Config, say: Say): Promise<Servers> {
  mustHaveData(config);
  return await openServers(config, say);
}

export async function openServers(config: Config, say: Say): Promise<Servers> {
  const { redisUrl, databaseUrl, dataDir } = config;
  if (redisUrl !== undefined && databaseUrl !== undefined) {
    return describe(redisUrl, databaseUrl, "given", "given", NOT_OURS);
  }
  const embedded = await startEmbedded({
    dataDir,
    redis: redisUrl === undefined,
    postgres: databaseUrl === undefined,
    say,
  });
  const { ownerPid } = embedded;
  const whose = ownerPid === process.pid ? "own" : `of process ${ownerPid}`;
  const own = `${whose}, data in ${dataDir}`;
  return describe(
    redisUrl ?? embedded.redisUrl,
    databaseUrl ?? embedded.databaseUrl,
    redisUrl === undefined ? own : "given",
    databaseUrl === undefined ? own : "given",
    embedded,
  );
}

/** A name that was mistyped shall not become a store. */
function mustHaveData({ dataDir, redisUrl, databaseUrl }: Config): void {
  if (redisUrl !== undefined && databaseUrl !== undefined) return;
  // A lost Redis is what this is for, as long as there is a ledger.
  const server = databaseUrl === undefined ? "postgres" : "redis";
  if (holdsData(dataDir, server)) return;
  throw new Refusal(`there is no store in ${resolve(dataDir)} (DATA_DIR): nothing was made`);
}

function describe(
  redisUrl: string,
  databaseUrl: string,
  redisNote: string,
  postgresNote: string,
  { lost, withdraw, stop }: Fate,
): Servers {
  const description = {
    redis: `${withoutPassword(redisUrl)} (${redisNote})`,
    postgres: `${withoutPassword(databaseUrl)} (${postgresNote})`,
  };
  return { redisUrl, databaseUrl, description, lost, withdraw, stop };
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
