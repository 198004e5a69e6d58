/** Calls of our scripts that arrive when nobody waits for them any more: what Redis does with them. */
import { connect, type Socket } from "node:net";
import { until } from "#test/until";

/** The header of a batch (lua/lib/batch.lua): it names the batch, and begins with its epoch. */
const HEADER = /\b(\d+)\t\d+\t\w+\t[\w-]+\t\d+\t[01]\t\d+(?=\r\n)/g;
/** `+1795326182.829103 [0 lua] "HMGET" "{p0}:meta"`, as MONITOR tells. */
const COMMAND = /^\+[\d.]+ \[\d+ (\S+)\] "(\w+)"/;
const WATCHED_MS_MAX = 5_000;

/** Of batches of that epoch, in what was sent to Redis. */
export const headersIn = (sent: readonly string[], epoch: string): ReadonlySet<string> =>
  new Set(
    sent.flatMap((text) =>
      [...text.matchAll(HEADER)].filter(([, of]) => of === epoch).map(([header]) => header),
    ),
  );

/** Every command that Redis runs from now on, as far as scripts with these headers give it. */
export class LateCalls implements Disposable {
  /** By the header of each call that came: the commands that its script gave. */
  readonly came = new Map<string, string[]>();
  readonly #socket: Socket;
  readonly #headers: ReadonlySet<string>;
  #script: string[] | null = null;

  private constructor(socket: Socket, headers: ReadonlySet<string>) {
    this.#socket = socket;
    this.#headers = headers;
  }

  /** By a plain connection: a client would take what others do for the answer to MONITOR. */
  static async watch(redisUrl: string, headers: ReadonlySet<string>): Promise<LateCalls> {
    const { hostname, port, password } = new URL(redisUrl);
    const socket = connect({ host: hostname, port: Number(port) });
    const calls = new LateCalls(socket, headers);
    let answers = 0;
    let rest = "";
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      const lines = (rest + bytes.toString("latin1")).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "+OK") answers += 1;
        else calls.#note(line);
      }
    });
    socket.write(`AUTH ${decodeURIComponent(password)}\r\nMONITOR\r\n`);
    await until(() => answers === 2, { withinMs: WATCHED_MS_MAX, what: "Redis is watched" });
    return calls;
  }

  #note(line: string): void {
    const [, source, command = ""] = COMMAND.exec(line) ?? [];
    if (source === "lua") return void this.#script?.push(command.toLowerCase());
    const args = line.split('" "').map((arg) => arg.replaceAll("\\t", "\t"));
    const header = args.find((arg) => this.#headers.has(arg));
    this.#script = header === undefined ? null : [];
    if (header !== undefined && this.#script) this.came.set(header, this.#script);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
