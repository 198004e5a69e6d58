/**
 * Connections that are kept alive and asked again and again, byte by byte in our hands: a client
 * that repeats by itself would hide a request whose connection was closed without an answer.
 */
import { connect } from "node:net";
import { count, type Tally } from "#test/caller";

/** Pause of a client between an answer and its next request, at most. */
const THINK_MS_MAX = 5;

export interface RawClients {
  /** `201`, `503` …: answers. `lost`: sent, and the connection ended first. `refused`: not sent. */
  readonly answers: Tally;
  /** Answers' bodies by status. */
  readonly bodies: { readonly status: number; readonly requestId: string; readonly text: string }[];
  /** Settles when every client was refused, or told to wait. */
  readonly ended: Promise<void>;
}

export interface RawRequest {
  readonly requestId: string;
  /** Head and body as they go over the wire. */
  readonly text: string;
}

export function startRawClients(
  url: string,
  clients: number,
  next: (client: number) => RawRequest,
): RawClients {
  const answers: Tally = new Map();
  const bodies: RawClients["bodies"] = [];
  const target = { host: "127.0.0.1", port: Number(new URL(url).port) };

  /** One connection, until it ends; answers whether the client comes again. */
  const converse = (client: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(target);
      let waitingFor: string | null = null;
      let received = "";
      let comesAgain = false;
      const send = (): void => {
        if (socket.destroyed) return;
        const { requestId, text } = next(client);
        waitingFor = requestId;
        received = "";
        socket.write(text);
      };
      const hear = (answer: RawAnswer, requestId: string): void => {
        waitingFor = null;
        count(answers, String(answer.status));
        bodies.push({ status: answer.status, requestId, text: answer.body });
        if (!answer.isLast) return void setTimeout(send, Math.random() * THINK_MS_MAX);
        // Who is told to come back later does so later than the process lives.
        comesAgain = answer.status !== 503;
        socket.end();
      };
      socket.on("connect", send);
      socket.on("data", (bytes) => {
        received += bytes.toString();
        const answer = readAnswer(received);
        if (answer !== null && waitingFor !== null) hear(answer, waitingFor);
      });
      socket.on("error", (error) => {
        if (waitingFor === null) count(answers, `refused ${error.message}`);
      });
      socket.on("close", () => {
        if (waitingFor !== null) count(answers, "lost");
        resolve(comesAgain);
      });
    });
  const ended = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (await converse(client));
    }),
  ).then(() => undefined);
  return { answers, bodies, ended };
}

interface RawAnswer {
  readonly status: number;
  readonly body: string;
  /** The server said that it closes the connection. */
  readonly isLast: boolean;
}

/** Null until it is whole. Every answer of ours has a length. */
function readAnswer(text: string): RawAnswer | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd);
  const body = text.slice(headEnd + 4);
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
  if (Buffer.byteLength(body) < length) return null;
  return { status: Number(head.slice(9, 12)), body, isLast: /^connection: close$/im.test(head) };
}
