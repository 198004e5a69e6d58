import { expect, test } from "bun:test";
import { callOut } from "#lib/call-out";
import { startSilentServer } from "#test/eureka-registry";

test("a call ends when its time is up, or when it is given up, whatever the other side does", async () => {
  using silent = startSilentServer();
  const call = { method: "GET", url: silent.url } as const;
  await expect(callOut({ ...call, withinMs: 20 })).rejects.toThrow("no answer within 20 ms");
  const giveUp = new AbortController();
  const given = callOut({ ...call, withinMs: 60_000, signal: giveUp.signal });
  giveUp.abort();
  await expect(given).rejects.toThrow();
});

test("an answer is read up to its bound, and what is packed is not unpacked", async () => {
  const packed = Bun.gzipSync("x".repeat(100_000));
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      new URL(request.url).pathname === "/packed"
        ? new Response(packed, { headers: { "content-encoding": "gzip" } })
        : new Response("äbc"),
  });
  const url = `http://127.0.0.1:${server.port}`;
  const call = { method: "GET", url, withinMs: 5_000 } as const;
  expect(await callOut({ ...call, bytesMax: 4 })).toEqual({ status: 200, text: "äbc" });
  await expect(callOut({ ...call, bytesMax: 3 })).rejects.toThrow("more than 3 bytes");
  expect(await callOut(call)).toEqual({ status: 200, text: "" });
  const { text } = await callOut({ ...call, url: `${url}/packed`, bytesMax: 1_000 });
  expect(text).not.toContain("xxx");
});
