/** Between a store and its Redis: loses an answer, or keeps a command back until it is released. */
import { connect, createServer, type Socket } from "node:net";

/** What script calls look like on the wire. */
const COMMAND = "evalsha";

export interface RedisProxy extends AsyncDisposable {
  readonly url: string;
  /** The next script call runs, but the connection ends before its answer is through. */
  loseNextAnswer(): void;
  /** The next script call stays here and its connection ends, as if it were slow on its way. */
  keepNextCommand(): void;
  /** Lets the kept command through; settles when Redis has answered it. */
  release(): Promise<string>;
}

export async function startRedisProxy(redisUrl: string): Promise<RedisProxy> {
  const { hostname, port } = new URL(redisUrl);
  const sockets = new Set<Socket>();
  let mode: "pass" | "lose" | "keep" = "pass";
  let kept: { upstream: Socket; bytes: Buffer } | null = null;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const keeping = { isLosing: false };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.on("data", (bytes: Buffer) => {
      const isCall = bytes.includes(COMMAND);
      if (isCall && mode === "keep") {
        mode = "pass";
        kept = { upstream, bytes };
        client.destroy();
        return;
      }
      if (isCall && mode === "lose") {
        mode = "pass";
        keeping.isLosing = true;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes: Buffer) => {
      if (keeping.isLosing) client.destroy();
      else if (!client.destroyed) client.write(bytes);
    });
    client.on("close", () => {
      if (kept?.upstream !== upstream) upstream.destroy();
    });
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const url = new URL(redisUrl);
  url.port = String(address.port);
  return {
    url: url.href,
    loseNextAnswer: () => void (mode = "lose"),
    keepNextCommand: () => void (mode = "keep"),
    async release() {
      if (!kept) throw new Error("no command was kept");
      const { upstream, bytes } = kept;
      const answer = new Promise<string>((resolve) => {
        upstream.once("data", (reply: Buffer) => resolve(reply.toString()));
      });
      upstream.write(bytes);
      const text = await answer;
      kept = null;
      upstream.destroy();
      return text;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
