/** Processor time by process, as the kernel counts it. */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: the kernel's unit towards programs is the same on every Linux platform of ours. */
const US_PER_TICK = 10_000;

interface Stat {
  readonly parent: number;
  readonly ownUs: number;
  /** Of children that ended and were waited for. */
  readonly endedUs: number;
}

/**
 * Microseconds that a process and its children used, those that ended included: PostgreSQL has a
 * process a connection, and Redis forks to rewrite its file.
 */
export function cpuUsOf(pid: number): number {
  const own = statOf(pid);
  if (own === null) throw new Error(`process ${pid} ended`);
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat?.parent === pid);
  const living = children.reduce((sum, stat) => sum + (stat?.ownUs ?? 0), 0);
  return own.ownUs + own.endedUs + living;
}

/** proc(5): after the name in brackets, which may hold anything, come fields 3 and on. */
function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = (first: number) => Number(fields[first - 3]) + Number(fields[first - 2]);
    return {
      parent: Number(fields[1]),
      ownUs: ticks(14) * US_PER_TICK,
      endedUs: ticks(16) * US_PER_TICK,
    };
  } catch {
    return null;
  }
}
