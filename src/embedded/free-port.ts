/**
 * A port of 127.0.0.1 that was free a moment ago. Another process may take it before the server
 * does, so whoever starts a server with it tries again with another one.
 */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
