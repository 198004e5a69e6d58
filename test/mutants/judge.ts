/** Puts a mutant into a copy of the code and asks tests about it. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "#test/packaging";
import { removeFolder, temporaryFolder } from "#test/servers";
import type { Mutant } from "./mutant.ts";

const COPIED = ["src", "lua", "test", "package.json", "tsconfig.json", "bunfig.toml"];
/** Of one test in there; a bug may make it wait for ever. */
const TEST_MS_MAX = 30_000;
/** Of one file that is asked. */
const FILE_MS_MAX = 180_000;
/** Of what a file said at last. */
const OUTPUT_LETTERS_MAX = 2_000;

/** As bun says it below the name of a test. */
const TIMED_OUT = "this test timed out after";

/** How a test file ends: all pass, one fails, or one does not come to an end, which is no verdict. */
type Ended =
  | { readonly kind: "passed" }
  | { readonly kind: "failed" | "hung"; readonly test: string; readonly output: string };

export type Verdict =
  | { readonly kind: "killed" | "hung"; readonly file: string; readonly test: string }
  | { readonly kind: "lived" };

/** A copy of the code in which one bug after the other is tried. */
export class Copy implements Disposable {
  readonly #folder = temporaryFolder("mutant");
  /** Files that were seen to pass without a bug. */
  readonly #sound = new Set<string>();

  constructor() {
    for (const name of COPIED) {
      cpSync(join(ROOT, name), join(this.#folder, name), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.#folder, "node_modules"));
  }

  [Symbol.dispose](): void {
    removeFolder(this.#folder);
  }

  /**
   * File by file, until one of its tests fails or hangs. Each file must pass without the bug, or its
   * failing says nothing. The copy is then as it was.
   */
  async judge(mutant: Mutant): Promise<Verdict> {
    const path = join(this.#folder, mutant.file);
    const sound = readFileSync(path, "utf8");
    for (const file of mutant.asks) {
      await this.#mustPass(file);
      writeFileSync(path, mutated(sound, mutant));
      try {
        const ended = await this.#run(file);
        if (ended.kind === "failed") return { kind: "killed", file, test: ended.test };
        if (ended.kind === "hung") return { kind: "hung", file, test: ended.test };
      } finally {
        writeFileSync(path, sound);
      }
    }
    return { kind: "lived" };
  }

  /** Asked once of each file, of the code as it is. */
  async #mustPass(file: string): Promise<void> {
    if (this.#sound.has(file)) return;
    const ended = await this.#run(file);
    if (ended.kind !== "passed") {
      const { kind, test, output } = ended;
      throw new Error(`without any bug, too, a test of ${file} ${kind}: ${test}\n${output}`);
    }
    this.#sound.add(file);
  }

  async #run(file: string): Promise<Ended> {
    const { HOLDFAST_TEST_LONG: _long, HOLDFAST_TEST_EVIDENCE: _evidence, ...env } = process.env;
    const flags = ["--bail=1", `--timeout=${TEST_MS_MAX}`];
    const child = Bun.spawn([process.execPath, "test", ...flags, `./${file}`], {
      cwd: this.#folder,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: FILE_MS_MAX,
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const exitCode = await child.exited;
    if (exitCode === 0) return { kind: "passed" };
    const output = (out + err).slice(-OUTPUT_LETTERS_MAX);
    if (child.signalCode !== null) return { kind: "hung", test: "(the file)", output };
    const [, test] = /^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/m.exec(out + err) ?? [];
    // A bug that keeps the file from being read proves nothing about the tests in it.
    if (test === undefined) throw new Error(`${file} did not run: ${output}`);
    return { kind: (out + err).includes(TIMED_OUT) ? "hung" : "failed", test, output };
  }
}

/** The text with the bug in it. Throws where the place is not there, or there twice. */
export function mutated(text: string, { bug, file, find, replace }: Mutant): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${bug}: ${file} has its place ${places} times`);
  return text.replace(find, () => replace);
}
