/** The service that a command calls: the one that runs, or one that is started for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { Refusal } from "#compose/refusal";
import { startChild, type Child } from "#embedded/child";
import { callOut } from "#lib/call-out";
import { jsonOrNull } from "#lib/json-or-null";

const ANSWER_MS_MAX = 3_000;
const ANSWER_BYTES_MAX = 65_536;
/** A first start makes a data folder of PostgreSQL, and fetches a Redis where there is none. */
const START_MS_MAX = 300_000;
const POLL_MS = 100;
/** Above what a service takes for its own stop, unless it was told to take longer. */
const END_MS_MAX = 30_000;

const Health = z.object({
  status: z.string(),
  service: z.literal("inventory-service"),
  reasons: z.array(z.string()).default([]),
});

/** Whether the service there can serve. Rejects with a Refusal where something else answers. */
export async function askReadiness(
  url: string,
): Promise<"ready" | "silent" | z.output<typeof Health>> {
  const call = {
    method: "GET",
    url: `${url}/health/ready`,
    withinMs: ANSWER_MS_MAX,
    bytesMax: ANSWER_BYTES_MAX,
  } as const;
  const answer = await callOut(call).catch(() => null);
  if (answer === null) return "silent";
  const health = Health.safeParse(jsonOrNull(answer.text));
  if (!health.success) throw new Refusal(`what answers at ${url} is not Holdfast`);
  return answer.status === 200 ? "ready" : health.data;
}

/** Rejects with a Refusal where no service answers that can serve. */
export async function mustBeReady(url: string): Promise<void> {
  const found = await askReadiness(url);
  if (found === "silent") throw new Refusal(`no service answers at ${url}`);
  if (found === "ready") return;
  const why = found.reasons.join("; ") || found.status;
  throw new Refusal(`the service at ${url} cannot serve: ${why}`);
}

/** A service that ends when it is disposed of, or when this process does. */
export interface OwnService extends AsyncDisposable {
  readonly pid: number;
}

/** Starts one with our settings, as `bun run start` does, and waits until it can serve. */
export async function startOwnService(url: string, signal: AbortSignal): Promise<OwnService> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-service-"));
  const child = startChild({
    command: [process.execPath, Bun.main, "start"],
    env: "inherited",
    logFile: join(folder, "log"),
    endSignal: "SIGTERM",
  });
  const end = async (): Promise<void> => {
    await child.end("SIGTERM", END_MS_MAX);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await started(url, child, signal);
  } catch (error) {
    await end();
    throw error;
  }
  return { pid: child.pid, [Symbol.asyncDispose]: end };
}

async function started(url: string, child: Child, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + START_MS_MAX;
  for (;;) {
    signal.throwIfAborted();
    if (child.hasExited()) throw new Refusal(`the service did not start:\n${child.logTail()}`);
    if ((await askReadiness(url)) === "ready") return;
    if (performance.now() > giveUpAt) {
      throw new Refusal(`the service was not ready within ${START_MS_MAX} ms:\n${child.logTail()}`);
    }
    await Bun.sleep(POLL_MS);
  }
}
