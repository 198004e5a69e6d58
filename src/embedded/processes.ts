import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { run } from "#embedded/run";
import { until } from "#embedded/wait";

const END_MS_MAX = 8_000;
const KILL_MS_MAX = 5_000;
const LIST_MS_MAX = 5_000;

/** Whether a process (or what is left of one that nobody reaped) has this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Ends every server that works in this data folder, such as one that outlived its owner. Only for
 * who holds the lock of the folder. Answers their ids.
 */
export async function endLeftovers(dataDir: string): Promise<number[]> {
  const found = await serversIn(dataDir);
  if (found.length === 0) return found;
  for (const pid of found) signal(pid, "SIGINT");
  const gone = async (): Promise<boolean> => (await serversIn(dataDir)).length === 0;
  try {
    await until("left-over servers end", END_MS_MAX, gone);
  } catch {
    for (const pid of await serversIn(dataDir)) signal(pid, "SIGKILL");
    await until("left-over servers are gone", KILL_MS_MAX, gone);
  }
  return found;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in between.
  }
}

/** Somebody's editor or `tail -f` may work there too: only these are ours to end. */
const SERVER_NAME = /^(redis-server|valkey-server|postgres|initdb)\b/;

async function serversIn(dataDir: string): Promise<number[]> {
  if (existsSync("/proc/self/cmdline")) return serversByProc(dataDir);
  const ps = Bun.which("ps");
  if (ps === null) return [];
  const { out } = await run([ps, "-axo", "pid=,command="], { msMax: LIST_MS_MAX });
  return out.split("\n").flatMap((line) => {
    const [, pid = "", command = ""] = /^ *(\d+) (.*)$/.exec(line) ?? [];
    const program = basename(command.split(" ", 1)[0] ?? "");
    return SERVER_NAME.test(program) && command.includes(dataDir) ? [Number(pid)] : [];
  });
}

/** Known by an argument or the working directory; a dead child nobody reaped has neither. */
function serversByProc(dataDir: string): number[] {
  const inside = (path: string): boolean => path.startsWith(`${dataDir}/`);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [program = "", ...rest] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        if (!SERVER_NAME.test(basename(program))) return false;
        return rest.some(inside) || inside(readlinkSync(`/proc/${pid}/cwd`));
      } catch {
        // Ended in between, or not ours to look at.
        return false;
      }
    })
    .map(Number);
}
