/** When a rush finds that nobody serves it any more. */
import { expect, test } from "bun:test";
import { createLine } from "#rush/line";
import { until } from "#test/until";

const SILENT_MS_MAX = 100;
const TURNS = 100;

/** A line to somebody who answers with these statuses by turns. */
function lineTo(...statuses: readonly number[]) {
  let [turn, silences] = [0, 0];
  const server = Bun.serve({
    port: 0,
    fetch: () => new Response(null, { status: statuses[(turn += 1) % statuses.length] ?? 200 }),
  });
  const line = createLine({ silentMsMax: SILENT_MS_MAX, onSilent: () => (silences += 1) });
  const call = (signal: AbortSignal | null = null): Promise<Response> =>
    line.fetch(new Request(`http://127.0.0.1:${server.port}`, { signal }));
  return {
    line,
    call,
    silences: () => silences,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

test("calls that are lost or told to come again, and nothing else for so long, are silence", async () => {
  await using away = lineTo(503, 429);
  const begunAt = performance.now();
  const inVain = async (): Promise<boolean> => {
    await away.call();
    await away.call(AbortSignal.abort()).catch(() => undefined);
    return away.silences() > 0;
  };
  await until(inVain, { withinMs: 5_000, what: "silence" });
  expect(performance.now() - begunAt).toBeGreaterThanOrEqual(SILENT_MS_MAX);
  const { answered, again, lost } = away.line;
  expect([again, lost]).toEqual([answered, answered]);
});

test("one answer among them ends it, a refusal as well", async () => {
  await using served = lineTo(503, 409, 503, 201);
  const begunAt = performance.now();
  let calls = 0;
  for (; calls < TURNS || performance.now() - begunAt < 3 * SILENT_MS_MAX; calls += 1) {
    await served.call();
  }
  expect(served.silences()).toBe(0);
  expect(served.line).toMatchObject({ answered: calls, again: Math.floor(calls / 2) });
});
