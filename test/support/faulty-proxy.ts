/**
 * A line between two processes that misbehaves as it is told, request by request: what was sent is
 * lost, late, doubled or overtaken by its repeat, and answers do not come back, or not whole.
 */
import { connect, createServer, type Socket } from "node:net";
import type { Units } from "#test/wire-units";

export const FAULTS = [
  /** The request never leaves; the connection is reset. */
  "drop",
  /** It arrives, and is the last: the connection stays open, and nothing more goes either way. */
  "silence",
  /** The request, and all behind it, is late. */
  "delay",
  /** It arrives; the connection is reset before its answer. */
  "lose",
  /** It arrives; half of its answer comes back. */
  "half",
  /** The connection is reset, and the request arrives later, when its repeat may have run. */
  "hold",
  /** It arrives, and once more later, when its successor may have run. */
  "copy",
] as const;
export type Fault = (typeof FAULTS)[number];

export interface ProxyOptions {
  /** Of the server: its host and port. */
  readonly url: string;
  readonly unitsOf: (bytes: Buffer) => Units;
  /** What happens to that request. */
  readonly choose: (request: Buffer) => Fault | "pass";
  /** What a request is sent as when it goes alone over a connection, which ends behind its answer. */
  readonly alone: (request: Buffer) => string;
  /** What its sender would write into a request that it sends a second time; not given: the same. */
  readonly again?: (request: Buffer) => Buffer;
  readonly delayMs?: () => number;
  /** After which a request that was held is let go by itself; not given: by `release` alone. */
  readonly lateMs?: () => number;
}

export interface FaultyProxy extends AsyncDisposable {
  /** The server's, with the port of the proxy. */
  readonly url: string;
  readonly faults: ReadonlyMap<Fault, number>;
  /** Answers to requests that arrived late. */
  readonly late: readonly string[];
  /** Lets go what is held, and settles when all of it was answered. */
  release(): Promise<void>;
}

const LATE_ANSWER_MS_MAX = 10_000;

export async function startFaultyProxy(options: ProxyOptions): Promise<FaultyProxy> {
  const line = new Line(options);
  const server = createServer((client) => line.join(client));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const url = new URL(options.url);
  url.port = String(address.port);
  return {
    url: url.href,
    faults: line.faults,
    late: line.late,
    release: () => line.release(),
    async [Symbol.asyncDispose]() {
      line.end();
      server.close();
    },
  };
}

class Line {
  readonly faults = new Map<Fault, number>();
  readonly late: string[] = [];
  readonly #options: ProxyOptions;
  readonly #target: { readonly port: number; readonly host: string };
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<() => void>();
  readonly #arriving = new Set<Promise<void>>();

  constructor(options: ProxyOptions) {
    const { hostname, port } = new URL(options.url);
    this.#options = options;
    this.#target = { port: Number(port), host: hostname };
  }

  join(client: Socket): void {
    const upstream = connect(this.#target);
    for (const socket of [client, upstream]) this.#keep(socket);
    const { unitsOf, choose, delayMs, again = (request) => request } = this.#options;
    let rest: Buffer = Buffer.alloc(0);
    const line: { answers: "pass" | "silence" | "lose" | "half" } = { answers: "pass" };
    let turn = Promise.resolve();
    const isSilent = (): boolean => line.answers === "silence";

    const pass = (asked: Buffer): void => {
      const fault = choose(asked);
      const request = fault === "copy" ? again(asked) : asked;
      if (fault !== "pass") this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
      if (fault === "hold" || fault === "copy") this.#hold(request);
      if (fault === "drop" || fault === "hold") client.resetAndDestroy();
      if (fault === "silence" || fault === "lose" || fault === "half") line.answers = fault;
      if (fault === "delay") turn = turn.then(() => Bun.sleep(delayMs?.() ?? 0));
      if (fault !== "drop" && fault !== "hold") send(request);
    };
    const send = (request: Buffer): void => {
      turn = turn.then(() => {
        if (!upstream.destroyed) upstream.write(request);
      });
    };
    client.on("data", (bytes: Buffer) => {
      if (isSilent()) return;
      const cut = unitsOf(Buffer.concat([rest, bytes]));
      rest = cut.rest;
      for (const request of cut.units) {
        if (client.destroyed || isSilent()) return;
        pass(request);
      }
    });
    upstream.on("data", (bytes: Buffer) => {
      if (client.destroyed || isSilent()) return;
      if (line.answers === "pass") return void client.write(bytes);
      if (line.answers === "lose") return void client.resetAndDestroy();
      line.answers = "lose";
      client.end(bytes.subarray(0, bytes.length / 2));
    });
    // What was sent before the client left still arrives.
    client.on("close", () => void turn.then(() => upstream.end()));
    upstream.on("close", () => {
      if (!isSilent()) client.end();
    });
  }

  async release(): Promise<void> {
    for (const arrive of this.#held) arrive();
    await Promise.all(this.#arriving);
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #hold(request: Buffer): void {
    const text = this.#options.alone(Buffer.from(request));
    const { lateMs } = this.#options;
    const arrive = (): void => {
      if (!this.#held.delete(arrive)) return;
      const arrival = this.#arrive(text).then((answer) => {
        this.late.push(answer);
        this.#arriving.delete(arrival);
      });
      this.#arriving.add(arrival);
    };
    this.#held.add(arrive);
    if (lateMs) setTimeout(arrive, lateMs());
  }

  /** Over a connection of its own, as one that was slow all the way. */
  #arrive(text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(this.#target);
      this.#keep(socket);
      let answer = "";
      socket.setTimeout(LATE_ANSWER_MS_MAX, () => socket.destroy());
      socket.on("data", (bytes) => {
        answer += bytes.toString();
      });
      socket.on("close", () => resolve(answer));
      socket.write(text);
    });
  }
}
