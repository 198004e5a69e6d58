import { connect } from "node:net";

const PING_MS_MAX = 1_000;

/**
 * One PING on a connection of its own: "ready", "busy" (loading its data, or slow) or "away".
 * Bare sockets, because a client that reconnects and retries hides what is asked here.
 */
export function pingRedis(url: string): Promise<"ready" | "busy" | "away"> {
  const { hostname, port, password } = new URL(url);
  return new Promise((resolve) => {
    let received = "";
    const socket = connect({ host: hostname, port: Number(port) });
    const finish = (answer: "ready" | "busy" | "away"): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(finish, PING_MS_MAX, "busy");
    socket.on("connect", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      if (received.includes("+PONG\r\n")) finish("ready");
      else if (received.split("\r\n").length > 2) finish("busy");
    });
    socket.on("error", () => finish("away"));
    socket.on("close", () => finish("away"));
  });
}
