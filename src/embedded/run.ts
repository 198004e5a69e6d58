/** What a finished command left behind. `code` is null when it was killed, by us or by others. */
export interface RunResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end, killed after `msMax`. Without `env` it inherits ours. */
export async function run(
  command: readonly string[],
  options: { msMax: number; env?: Record<string, string>; cwd?: string },
): Promise<RunResult> {
  const child = Bun.spawn([...command], {
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.msMax,
    killSignal: "SIGKILL",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code: child.exitCode, out, err };
}

/** The last lines of a text: what a person needs of a long log. */
export function lastLines(text: string, lines = 12): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
