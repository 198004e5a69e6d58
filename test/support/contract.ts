/** A whole service that serves some contracts, and a caller who knows nothing but HTTP. */
import { compat } from "#compat/index";
import { inventory } from "#http/inventory";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import type { Role } from "#inventory/context";

/** Of every contract there is. */
export const CONTRACT_NAMES: readonly string[] = [inventory, ...compat].map(({ name }) => name);

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown;
}

export interface Called {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: Role;
}

export interface ContractService extends AsyncDisposable {
  readonly url: string;
  /** For audits. */
  readonly redisUrl: string;
  readonly databaseUrl: string;
  call(method: string, path: string, called?: Called): Promise<Answered>;
  /** To the process that serves. */
  signal(name: NodeJS.Signals): void;
}

/** Serves these contracts, by name, with the sample data, from servers of its own. */
export async function serveContracts(
  contracts: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ContractService> {
  const redis = await startRedis();
  const database = await testDatabase();
  const service = await startService({
    redisUrl: redis.url,
    databaseUrl: database.url,
    env: { CONTRACTS: contracts, SAMPLE_DATA: "1", ...env },
  });
  return {
    url: service.url,
    redisUrl: redis.url,
    databaseUrl: database.url,
    signal: (name) => service.signal(name),
    async call(method, path, { body, headers = {}, as } = {}) {
      const token = as === undefined ? {} : { authorization: `Bearer ${await tokenOf(as, as)}` };
      const json = body === undefined ? {} : { "content-type": "application/json" };
      const response = await fetch(`${service.url}${path}`, {
        method,
        headers: { ...json, ...token, ...headers },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "") && text !== "";
      const { status, headers: answered } = response;
      return { status, headers: answered, body: isJson ? JSON.parse(text) : text };
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await database.drop();
      await redis.stop();
    },
  };
}
