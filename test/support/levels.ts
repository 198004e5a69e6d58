/** Changes that ask for a level of durability, and what their answers say of it. */
import { Redis } from "ioredis";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { startRedis, type TestServer } from "#test/servers";
import { tokenOf, type Service } from "#test/service";
import { until } from "#test/until";

const READY_MS_MAX = 15_000;
const Readiness = z.object({ status: z.string(), reasons: z.array(z.string()) });

export interface LevelAnswer {
  readonly status: number;
  readonly durability: string | null;
  readonly applied: string | null;
  readonly isReplay: boolean;
  readonly requestId: string;
  readonly ms: number;
}

/** Asks one process of the service in an admin's name. */
export async function levelCaller(service: Pick<Service, "url">) {
  const authorization = `Bearer ${await tokenOf("admin", "ada")}`;
  const send = async (
    method: string,
    path: string,
    body: object,
    { level, key }: { level?: string; key?: string } = {},
  ): Promise<LevelAnswer> => {
    const requestId = randomId(16);
    const startedAt = performance.now();
    const response = await fetch(`${service.url}/api/inventory${path}`, {
      method,
      headers: {
        authorization,
        "content-type": "application/json",
        "x-request-id": requestId,
        ...(level === undefined ? {} : { prefer: `durability=${level}` }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      body: JSON.stringify(body),
    });
    await response.body?.cancel();
    const { status, headers } = response;
    return {
      status,
      durability: headers.get("durability"),
      applied: headers.get("preference-applied"),
      isReplay: headers.get("idempotency-replayed") === "true",
      requestId,
      ms: performance.now() - startedAt,
    };
  };
  return {
    initialize: (productId: string, initialStock = 1_000) =>
      send("POST", "/initialize", { productId, sku: `SKU-${productId}`, initialStock }),
    /** Brings one unit. */
    restock: (productId: string, asked?: { level?: string; key?: string }) =>
      send("PATCH", `/product/${productId}/stock`, { quantity: 1, type: "RESTOCK" }, asked),
    send,
    async readiness() {
      const response = await fetch(`${service.url}/health/ready`);
      return { http: response.status, ...Readiness.parse(await response.json()) };
    },
  };
}

/** A Redis whose replicas follow it at once, and one replica that does. */
export async function startRedisWithReplica(): Promise<
  AsyncDisposable & { readonly redis: TestServer; readonly replica: TestServer }
> {
  const redis = await startRedis({ settings: { "repl-diskless-sync-delay": "0" } });
  const replica = await startRedis();
  const admin = new Redis(replica.url);
  try {
    await admin.call("REPLICAOF", "127.0.0.1", `${redis.port}`);
    await until(async () => (await admin.info("replication")).includes("master_link_status:up"), {
      withinMs: READY_MS_MAX,
      what: "the replica follows",
    });
  } finally {
    admin.disconnect();
  }
  return {
    redis,
    replica,
    [Symbol.asyncDispose]: async () => {
      await replica.stop();
      await redis.stop();
    },
  };
}

/** Ends every connection to that Redis: all come back, and look at it anew. */
export async function reconnectAll(redisUrl: string): Promise<void> {
  const admin = new Redis(redisUrl);
  try {
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  } finally {
    admin.disconnect();
  }
}
