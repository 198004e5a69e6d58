/** Disks that are full, for real: a small file system, or a process whose files may not grow. */
import { existsSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RedisProgram } from "#embedded/redis-program";
import {
  removeFolder,
  temporaryFolder,
  type TestRedisOptions,
  type TestServer,
} from "#test/servers";

/** Room for an append-only file of a test, and quickly filled. */
const DISK_MIB = 32;
/** What is left for the log of the server's end. */
const PIECE_BYTES = 64 * 1024;
/** Of `ulimit -f` in a POSIX shell. */
const BLOCK_BYTES = 512;

/** How the disk of a Redis becomes full, and how there is room again. */
export interface FullDisk {
  readonly redis: TestRedisOptions;
  fill(server: TestServer): void;
  free(): void;
  /** When nothing uses it any more. */
  remove(): void;
}

/**
 * The process may not write beyond the present end of its append-only file (RLIMIT_FSIZE): writes
 * fail as on a full disk, and so they do after a restart. Needs no right at all.
 */
export function filesThatMayNotGrow(): FullDisk {
  const folder = temporaryFolder("limit");
  const limit = join(folder, "blocks");
  const start = join(folder, "start");
  return {
    redis: { through: (program) => limited(program, start, limit) },
    fill: (server) => {
      const blocks = Math.ceil(appendedBytes(server.folder) / BLOCK_BYTES);
      writeFileSync(limit, String(blocks));
      const prlimit = Bun.which("prlimit");
      if (prlimit === null) throw new Error("prlimit of util-linux is not on PATH");
      const soft = `--fsize=${blocks * BLOCK_BYTES}:`;
      const { exitCode } = Bun.spawnSync([prlimit, "--pid", String(server.pid), soft]);
      if (exitCode !== 0) throw new Error("prlimit did not take the limit");
    },
    free: () => rmSync(limit),
    remove: () => removeFolder(folder),
  };
}

/** A start of the program under the limit that stands in a file, if one does. */
function limited(program: RedisProgram, start: string, limit: string): RedisProgram {
  const script = `#!/bin/sh
trap '' XFSZ
[ -f '${limit}' ] && ulimit -S -f "$(cat '${limit}')"
exec '${program.path}' "$@"
`;
  writeFileSync(start, script, { mode: 0o700 });
  return { ...program, path: start };
}

/** A file system of its own, filled to the last byte; null where none may be mounted. */
export function smallFileSystem(): FullDisk | null {
  const folder = temporaryFolder("disk");
  const options = ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", folder];
  if (Bun.which("mount") === null || Bun.spawnSync(["mount", ...options]).exitCode !== 0) {
    return null;
  }
  const filler = join(folder, "filler");
  return {
    redis: { folder: join(folder, "redis") },
    fill: () => {
      for (let piece = PIECE_BYTES; piece > 0; piece = Math.floor(piece / 2)) {
        while (grows(filler, piece));
      }
    },
    free: () => rmSync(filler),
    remove: () => {
      Bun.spawnSync(["umount", folder]);
      removeFolder(folder);
    },
  };
}

/** Whether this process may have a file system of its own. */
export function mayMount(): boolean {
  const disk = shrinkingFileSystem(1);
  disk?.remove();
  return disk !== null;
}

/** A file system of its own that has no room left, or room again. */
export interface ShrinkingFileSystem {
  readonly folder: string;
  fill(): void;
  free(): void;
  remove(): void;
}

/** For a server with large files: full at once, wherever it stands; null where none may be mounted. */
export function shrinkingFileSystem(mebibytes: number): ShrinkingFileSystem | null {
  const folder = temporaryFolder("disk");
  const mount = (...options: string[]): boolean =>
    Bun.which("mount") !== null && Bun.spawnSync(["mount", ...options]).exitCode === 0;
  const resize = (size: string): void => {
    if (!mount("-o", `remount,size=${size}`, folder)) throw new Error(`${folder} kept its size`);
  };
  if (!mount("-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder)) return null;
  return {
    folder,
    fill: () => {
      const { blocks, bfree, bsize } = statfsSync(folder);
      resize(String((blocks - bfree) * bsize));
    },
    free: () => resize(`${mebibytes}m`),
    remove: () => {
      Bun.spawnSync(["umount", folder]);
      removeFolder(folder);
    },
  };
}

function grows(path: string, bytes: number): boolean {
  try {
    writeFileSync(path, new Uint8Array(bytes), { flag: "a" });
    return true;
  } catch {
    return false;
  }
}

function appendedBytes(folder: string): number {
  const files = join(folder, "appendonlydir");
  if (!existsSync(files)) throw new Error("there is no append-only file");
  return Math.max(...readdirSync(files).map((name) => statSync(join(files, name)).size));
}
