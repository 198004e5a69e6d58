/** A network that stalls: it keeps what is sent until it heals, or swallows it and never tells. */
import { connect, createServer, type Socket } from "node:net";

export interface StallingProxy extends AsyncDisposable {
  /** The server's URL, by way of here. */
  readonly url: string;
  /** From now on nothing gets through, either way, of open and of new connections. */
  hold(): void;
  /** From now on what is asked gets through, and no answer does. */
  holdAnswers(): void;
  /** What was kept goes on its way, late and in order. */
  resume(): void;
  /** What is kept now of that which was asked, of one connection after the other. */
  readonly asked: readonly string[];
  /** Connections open now never pass anything again and are never closed; new ones work. */
  swallow(): void;
  /** Connections open now are reset. */
  reset(): void;
  /** Pieces that were kept or swallowed so far, and connections that were reset. */
  readonly harmed: number;
}

/** Both ways of one connection. */
interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  isDead: boolean;
  /** In the order in which it came. */
  kept: (() => void)[];
  /** Of that what the client sent. */
  asked: Buffer[];
}

export async function startStallingProxy(serverUrl: string): Promise<StallingProxy> {
  const { hostname, port } = new URL(serverUrl);
  const pairs = new Set<Pair>();
  let holding: "nothing" | "answers" | "all" = "nothing";
  let harmed = 0;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const pair: Pair = { client, upstream, isDead: false, kept: [], asked: [] };
    pairs.add(pair);
    const isKept = (from: Socket): boolean =>
      holding === "all" || (holding === "answers" && from === upstream);
    const pass = (from: Socket, action: () => void): void => {
      if (pair.isDead) return;
      if (isKept(from)) pair.kept.push(action);
      else action();
    };
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("error", () => undefined);
      from.on("data", (bytes: Buffer) => {
        if (pair.isDead || isKept(from)) harmed += 1;
        if (!pair.isDead && isKept(from) && from === client) pair.asked.push(bytes);
        pass(from, () => void (to.writable && to.write(bytes)));
      });
      from.on("end", () => pass(from, () => void to.end()));
      from.on("close", () =>
        pass(from, () => {
          to.destroySoon();
          pairs.delete(pair);
        }),
      );
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  return {
    url: url.href,
    hold: () => void (holding = "all"),
    holdAnswers: () => void (holding = "answers"),
    resume: () => {
      holding = "nothing";
      for (const pair of pairs) {
        pair.asked = [];
        for (const action of pair.kept.splice(0)) action();
      }
    },
    get asked() {
      return Array.from(pairs, ({ asked }) => Buffer.concat(asked).toString("latin1"));
    },
    swallow: () => {
      for (const pair of pairs) pair.isDead = true;
    },
    reset: () => {
      for (const { client, upstream } of pairs) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
      harmed += pairs.size;
    },
    get harmed() {
      return harmed;
    },
    async [Symbol.asyncDispose]() {
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      server.close();
    },
  };
}
