/** Every service of the shop, each as often as is asked for, behind gateways; and callers that persist. */
import { z } from "zod";
import type { CompanionName } from "#compose/companion-settings";
import { falseClock } from "#test/false-clock";
import { startRedis, testDatabase } from "#test/servers";
import { JWT_SECRET, startService, type Service } from "#test/service";
import { ADMIN, ask, PAYMENT_SECRET, SERVICE_SECRET, type Answer } from "#test/shop";
import { until } from "#test/until";

const SOON_MS_MAX = 30_000;
/** A caller gives up then: whatever was killed serves again by that time. */
const TRIES_MS_MAX = 60_000;
const PAUSE_MS = 100;
/** What may be well a moment later, or at another gateway. */
const AGAIN = new Set([429, 502, 503, 504]);

export type Member = "inventory" | Exclude<CompanionName, "gateway">;
const MEMBERS: readonly Member[] = ["users", "inventory", "products", "orders", "payment"];

const Known = z.object({
  services: z.array(z.object({ instances: z.array(z.looseObject({ status: z.string() })) })),
});

export interface Wish {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly token?: string;
  /** Names it, so that it may be sent again. */
  readonly key?: string;
  /** Of the network, as a proxy before the gateway tells it. */
  readonly address?: string;
}

export interface WholeShop extends AsyncDisposable {
  /** What can be killed, by name; of most there are several. */
  readonly instances: ReadonlyMap<Member | "gateway", readonly Service[]>;
  readonly admin: string;
  readonly servers: { readonly redisUrl: string; readonly databaseUrl: string };
  /** One call through one of the gateways, as often as it takes; reads and what has a key. */
  readonly persist: (wish: Wish) => Promise<Answer>;
  /** Reads that a gateway answered with a fault of ours. */
  readonly failedReads: readonly string[];
  /** Redis's clock is so many seconds further, and what is due by it is due. */
  passTime(seconds: number): void;
}

/** Starts `copies` processes of each, but of the registry one, and waits until all know each other. */
export async function openWholeShop(copies: number): Promise<WholeShop> {
  const clock = await falseClock();
  const redis = await startRedis(clock.redis);
  // Leases do not end where only the inventory's clock is further.
  const registryRedis = await startRedis();
  const database = await testDatabase();
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const registry = await startService({
    redisUrl: registryRedis.url,
    databaseUrl: database.url,
    role: "registry",
  });
  const started: Service[] = [registry];
  const common = {
    EUREKA_URL: registry.url,
    SERVICE_CLIENT_SECRET: SERVICE_SECRET,
    SAMPLE_DATA: "0",
    TRUSTED_PROXIES: "127.0.0.1",
  };
  const many = async (role: Member | "gateway", env: Record<string, string>, number = copies) => {
    const all = { ...common, ...env };
    const companion = role === "inventory" ? {} : { role };
    const services = await Promise.all(
      Array.from({ length: number }, () => startService({ ...servers, ...companion, env: all })),
    );
    started.push(...services);
    return services;
  };
  const users = await many("users", { SAMPLE_DATA: "1" });
  const gateways = await many("gateway", { USERS_URL: users[0]?.url ?? "" });
  // Each calls the others by the door that everybody uses.
  const door = gateways[0]?.url ?? "";
  const paying = { PAYMENT_SECRET };
  const calling = { USERS_URL: door, INVENTORY_URL: door, PRODUCTS_URL: door };
  const [inventory, products, orders] = await Promise.all([
    many("inventory", { JWKS_URL: `${door}/.well-known/jwks.json`, JWT_SECRET }),
    many("products", calling),
    many("orders", { ...calling, ...paying }),
  ]);
  // What orders are told of payments is no affair of the door.
  const payment = await many("payment", {
    ...calling,
    ...paying,
    ORDERS_URL: orders[0]?.url ?? "",
  });
  const instances = new Map<Member | "gateway", readonly Service[]>([
    ["registry", [registry]],
    ["users", users],
    ["inventory", inventory],
    ["products", products],
    ["orders", orders],
    ["payment", payment],
    ["gateway", gateways],
  ]);
  const failedReads: string[] = [];
  let turn = 0;
  const persist = async (wish: Wish): Promise<Answer> => {
    const { method, path, body, token, key, address } = wish;
    const headers = {
      ...(key === undefined ? {} : { "idempotency-key": key }),
      ...(address === undefined ? {} : { "x-forwarded-for": address }),
    };
    let last: Answer | null = null;
    const end = performance.now() + TRIES_MS_MAX;
    while (performance.now() < end) {
      turn += 1;
      const gateway = gateways[turn % gateways.length];
      if (gateway === undefined) throw new Error("there is no gateway");
      const asked = ask(gateway, method, path, body, token, headers);
      // Nobody listens there: the gateway itself was killed.
      last = await asked.catch(() => null);
      if (last !== null && !AGAIN.has(last.status)) return last;
      if (last !== null && method === "GET") failedReads.push(`${path}: ${last.status}`);
      const seconds = Number(last?.headers.get("retry-after") ?? 0);
      await Bun.sleep(Math.max(PAUSE_MS, seconds * 1_000));
    }
    throw new Error(`${method} ${path} had no answer: ${JSON.stringify(last?.body)}`);
  };
  const wanted = MEMBERS.length * copies;
  for (const gateway of gateways) {
    await until(
      async () => {
        const { body } = await ask(gateway, "GET", "/registry/instances");
        const known = Known.parse(body).services.flatMap(({ instances: all }) => all);
        return known.filter(({ status }) => status === "UP").length >= wanted;
      },
      { withinMs: SOON_MS_MAX, what: `a gateway knows ${wanted} instances` },
    );
  }
  const login = await persist({ method: "POST", path: "/api/auth/login", body: ADMIN });
  return {
    instances,
    admin: z.looseObject({ token: z.string() }).parse(login.body).token,
    servers,
    persist,
    failedReads,
    passTime: (seconds) => clock.set(seconds),
    async [Symbol.asyncDispose]() {
      for (const service of started.toReversed()) await service[Symbol.asyncDispose]();
      await redis.stop();
      await registryRedis.stop();
      await database[Symbol.asyncDispose]();
    },
  };
}
