/** The shop of the companions as processes on one Redis and one PostgreSQL, for tests. */
import { Redis } from "ioredis";
import { z } from "zod";
import {
  JWT_SECRET,
  launchService,
  startService,
  type Service,
  type ServiceOptions,
} from "#test/service";
import { startRedis, testDatabase, type TestRedisOptions } from "#test/servers";

export const SERVICE_SECRET = "a9Vx2Lq7Rm4Tz8Wd1Kp6";
export const PAYMENT_SECRET = "whsec_dG8gc2lnbiB3aGF0IG9yZGVycyBhcmUgdG9sZA";
export const ADMIN = { email: "admin@ecommerce.com", password: "Admin123456" };
export const JOHN = { email: "john.doe@example.com", password: "SecurePass123" };

type CompanionRole = Exclude<ServiceOptions["role"], "all" | "api" | "worker" | undefined>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface Shop extends AsyncDisposable {
  readonly redis: Redis;
  readonly users: Service;
  readonly inventory: Service;
  /** Starts another service of the shop; it ends with it. */
  start(role: CompanionRole, env?: Readonly<Record<string, string>>): Promise<Service>;
  tokenOf(who: typeof ADMIN): Promise<string>;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** null: the shop has none. */
  readonly registry: Service | null;
  /** "": there is none. */
  readonly registryUrl: string;
}

const SignedIn = z.looseObject({ token: z.string() });

export interface ShopOptions {
  /** Whether it has a service registry. */
  readonly registry?: boolean;
  readonly redis?: TestRedisOptions;
}

/** Starts the inventory and users, and a registry where that is asked for; others when they are. */
export async function openShop(options: ShopOptions = {}): Promise<Shop> {
  const { registry: hasRegistry = false, redis: redisOptions = {} } = options;
  const [redis, database] = await Promise.all([startRedis(redisOptions), testDatabase()]);
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const registry = hasRegistry ? await startService({ ...servers, role: "registry" }) : null;
  const registryUrl = registry?.url ?? "";
  const secret = {
    SERVICE_CLIENT_SECRET: SERVICE_SECRET,
    PAYMENT_SECRET,
    EUREKA_URL: registryUrl,
  };
  const users = launchService({
    ...servers,
    role: "users",
    env: { ...secret, SAMPLE_DATA: "1" },
  });
  const inventory = launchService({
    ...servers,
    env: {
      JWKS_URL: `${users.url}/.well-known/jwks.json`,
      JWT_SECRET,
      EUREKA_URL: registryUrl,
    },
  });
  await Promise.all([users.ready(), inventory.ready()]);
  const looking = new Redis(redis.url);
  looking.on("error", () => undefined);
  const started = [...(registry === null ? [] : [registry]), users, inventory];
  return {
    redis: looking,
    users,
    inventory,
    registry,
    registryUrl,
    ...servers,
    async start(role, env = {}) {
      const known = { USERS_URL: users.url, INVENTORY_URL: inventory.url };
      const service = await startService({
        ...servers,
        role,
        env: { ...secret, ...known, ...env },
      });
      started.push(service);
      return service;
    },
    async tokenOf(who) {
      const answer = await ask(users, "POST", "/api/auth/login", who);
      return SignedIn.parse(answer.body).token;
    },
    async [Symbol.asyncDispose]() {
      looking.disconnect();
      for (const service of started.toReversed()) await service[Symbol.asyncDispose]();
      await redis.stop();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** One call; with a token where one is given. */
export async function ask(
  service: Service,
  method: string,
  path: string,
  body?: object,
  token?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? null : JSON.parse(text),
  };
}
