/** wrk, the generator of the load: a JavaScript one would cost more than the servers it measures. */
import { join } from "node:path";
import { z } from "zod";

const SCRIPT = join(import.meta.dir, "load.lua");
/** One thread sends more than two cores can answer, and leaves them to the servers. */
const THREADS = 1;

const Result = z.strictObject({
  /** Answers that arrived while the load ran. */
  requests: z.int(),
  seconds: z.number(),
  /** Answers with a status of 400 or more. */
  refused: z.int(),
  /** Connections and requests that failed without an answer. */
  broken: z.int(),
  p50Us: z.int(),
  p99Us: z.int(),
  /** Of one request, head and body. */
  requestBytes: z.number(),
  /** Of all answers. */
  bytesHeard: z.int(),
});

export type WrkResult = z.infer<typeof Result> & { readonly cpuUs: number };

/** What is sent; the kinds are those of load.lua. */
export interface Load {
  readonly kind: "reserve" | "forwarded" | "echo" | "confirm" | "check" | "product" | "health";
  /** Files of one token, and one thing to ask for, a line. */
  readonly tokens: string;
  readonly items: string;
}

export const INSTALL_WRK =
  "wrk is not in PATH; it generates the load. Install it: apt-get install wrk, or brew install wrk";

/** `4.1.0`, or undefined when there is no wrk. */
export function wrkVersion(): string | undefined {
  if (Bun.which("wrk") === null) return undefined;
  // It answers its version with exit code 1.
  const { stdout } = Bun.spawnSync(["wrk", "-v"], { stderr: "ignore" });
  return /^wrk\s+(?:debian\/)?([\w.-]+)/.exec(stdout.toString())?.[1] ?? "of unknown version";
}

let runs = 0;

/** Puts a server under load; rejects when wrk did not report. */
export async function underLoad(
  url: string,
  load: Load,
  shape: { readonly seconds: number; readonly connections: number },
): Promise<WrkResult> {
  runs += 1;
  const name = `r${process.pid}x${runs}`;
  const flags = [
    `-t${THREADS}`,
    `-c${shape.connections}`,
    `-d${shape.seconds}s`,
    "--timeout",
    "10s",
  ];
  const child = Bun.spawn(
    ["wrk", ...flags, "-s", SCRIPT, url, "--", load.kind, name, load.tokens, load.items],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const json = /^result (.*)$/m.exec(out)?.[1];
  if (json === undefined) throw new Error(`wrk did not report:\n${out}${err}`);
  const cpuUs = Number(child.resourceUsage()?.cpuTime.total ?? 0);
  return { ...Result.parse(JSON.parse(json)), cpuUs };
}
