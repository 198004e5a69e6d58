/** Processes as the kernel of Linux sees them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** As `/proc/net/tcp` has it. */
const ESTABLISHED = "01";

/** The living processes that this one started. */
export function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && parentOf(pid) === parent);
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may have spaces: the state, then the parent.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? null : Number(parent);
  } catch {
    return null;
  }
}

/** How many connections to this port of its own a process holds. */
export function connectionsOf(pid: number, port: number): number {
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  const inodes = lines.flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const isThere =
      state === ESTABLISHED && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
    return isThere ? [inode] : [];
  });
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    }),
  );
  return inodes.filter((inode) => own.has(`socket:[${inode}]`)).length;
}
