/** Processor time, as the kernel counts it: of a process with its children, and of the machine. */
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/** USER_HZ: the kernel's unit towards programs is the same on every Linux platform of ours. */
const US_PER_TICK = 10_000;
/** As Linux has them on the platforms of ours. */
const PAGE_BYTES = 4_096;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own, and that of its children that ended and were waited for. */
  readonly us: number;
}

/**
 * Microseconds that a process and all below it used, those that ended included: PostgreSQL has a
 * process a connection, and Redis forks to rewrite its file.
 */
export function cpuUsOf(pid: number): number {
  const all = allStats();
  const own = all.find((stat) => stat.pid === pid);
  if (own === undefined) throw new Error(`process ${pid} ended`);
  const sum = (stat: Stat): number =>
    all
      .filter(({ parent }) => parent === stat.pid)
      .reduce((total, child) => total + sum(child), stat.us);
  return sum(own);
}

const allStats = (): Stat[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat !== null);

/** Microseconds in which any processor did anything, or was kept from it by the hypervisor. */
export function machineUs(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [, user, nice, system, , , irq, softirq, steal] = line.split(/ +/).map(Number);
  const busy = [user, nice, system, irq, softirq, steal];
  return busy.reduce<number>((sum, ticks) => sum + (ticks ?? 0) * US_PER_TICK, 0);
}

/** The part of all processor time that went to none of ours; a quiet machine is at a few percent. */
export function startMeter(): () => number {
  const startedAt = performance.now();
  const [all, own] = [machineUs(), cpuUsOf(process.pid)];
  return () => {
    const capacityUs = (performance.now() - startedAt) * 1_000 * cpus().length;
    return (machineUs() - all - (cpuUsOf(process.pid) - own)) / capacityUs;
  };
}

/** Above it the figures say more of the others than of us. */
export const OTHERS_MAX = 0.1;

/** The line of a bench's head that says how much went to others while it measured. */
export function othersText(share: number): string {
  const text = `others    used ${Math.round(share * 100)} % of the processors meanwhile`;
  return share > OTHERS_MAX ? `${text}: processor times and rates are theirs, too` : text;
}

/** Bytes of memory that a process and all below it have at the moment. */
export function residentBytesOf(pid: number): number {
  const pages = idsBelow(pid).map((id) => {
    try {
      return Number(readFileSync(`/proc/${id}/statm`, "utf8").split(" ")[1]);
    } catch {
      return 0;
    }
  });
  return pages.reduce((sum, count) => sum + count * PAGE_BYTES, 0);
}

function idsBelow(pid: number): number[] {
  const children = allStats().filter(({ parent }) => parent === pid);
  return [pid, ...children.flatMap((child) => idsBelow(child.pid))];
}

/** proc(5): after the name in brackets, which may hold anything, come fields 3 and on. */
function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [14, 15, 16, 17].reduce((sum, field) => sum + Number(fields[field - 3]), 0);
    return { pid, parent: Number(fields[1]), us: ticks * US_PER_TICK };
  } catch {
    return null;
  }
}
