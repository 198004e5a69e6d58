import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** One server of the record. */
const serverSchema = z.strictObject({ url: z.string(), pid: z.int().positive() });

const recordSchema = z.strictObject({
  owner: z.int().positive(),
  redis: serverSchema.optional(),
  postgres: serverSchema.optional(),
});

/** Who runs which servers on a data folder: where other processes find them. */
export type EmbeddedRecord = z.infer<typeof recordSchema>;

const recordFile = (dataDir: string): string => join(dataDir, "embedded.json");

/** What the owner wrote, or undefined while it has not; an unreadable record counts as none. */
export function readRecord(dataDir: string): EmbeddedRecord | undefined {
  const file = recordFile(dataDir);
  if (!existsSync(file)) return undefined;
  try {
    return recordSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Tells other processes; the addresses hold the passwords, so this user only may read them. */
export function writeRecord(dataDir: string, record: EmbeddedRecord): void {
  writeWhole(recordFile(dataDir), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Says that nobody runs servers on this folder. */
export function removeRecord(dataDir: string): void {
  rmSync(recordFile(dataDir), { force: true });
}

/**
 * Takes the data folder for this process, or answers undefined while another holds it. The lock
 * is the kernel's, by way of SQLite: it ends with its process, so no lock is ever stale and no
 * process id has to be believed.
 */
export function lockFolder(dataDir: string): Disposable | undefined {
  const database = new Database(join(dataDir, "embedded.lock"), { create: true });
  try {
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "code" in error && error.code === "SQLITE_BUSY") return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** Whether a server of that kind ever ran on this folder. Changes nothing. */
export function holdsData(dataDir: string, server: "redis" | "postgres"): boolean {
  if (!existsSync(dataDir)) return false;
  const name = server === "redis" ? /^redis$/ : /^postgres-\d+-\w+$/;
  return readdirSync(dataDir).some((found) => name.test(found));
}

/** Makes the data folder, for this user only where it is new. */
export function makeFolder(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/** A random password that stays the same for this folder; readable by its owner only. */
export function keptPassword(dataDir: string, name: string): string {
  const file = join(dataDir, `${name}.password`);
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  const password = randomBytes(24).toString("hex");
  writeWhole(file, password);
  return password;
}

/** Appears whole or not at all, whenever we are killed. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
