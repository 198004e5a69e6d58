/** What health checks ask of a server, where their programs are not installed. */
import { Redis } from "ioredis";

/** What `redis-cli ping` does, where there is no redis-cli. */
export async function pingedBy(port: number, password: string): Promise<boolean> {
  const redis = new Redis({ port, password, retryStrategy: () => null, lazyConnect: true });
  redis.on("error", () => {});
  try {
    await redis.connect();
    return (await redis.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

/** As much of `pg_isready` as can be had without it: somebody accepts connections. */
export async function connects(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
