/** Puts a mutant into a copy of the code and asks the test that is named for what it breaks. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "#test/packaging";
import { removeFolder, temporaryFolder } from "#test/servers";
import type { Mutant, NamedTest } from "./mutant.ts";

const COPIED = ["src", "lua", "test", "package.json", "tsconfig.json", "bunfig.toml"];
/** Of the test that is asked, as in any run of the tests; a bug may make it wait for ever. */
const TEST_MS_MAX = 60_000;
/** Of its file, which may have several cases of it. */
const FILE_MS_MAX = 180_000;
/** Of what a file said at last. */
const OUTPUT_LETTERS_MAX = 2_000;

/** As bun says it below the name of a test. */
const TIMED_OUT = "this test timed out after";

/**
 * How the named test ended. Only its own refusal kills a bug: one that did not come to an end, that
 * did not start, or beside which something else failed has said nothing of the guarantee.
 */
export type Verdict =
  | { readonly kind: "lived" }
  | { readonly kind: "killed"; readonly test: string }
  | { readonly kind: "not judged"; readonly why: string };

/** A copy of the code in which one bug after the other is tried. */
export class Copy implements Disposable {
  readonly #folder = temporaryFolder("mutant");
  readonly #testMsMax: number;
  /** Tests that were seen to pass without a bug. */
  readonly #sound = new Set<string>();

  constructor({ testMsMax = TEST_MS_MAX } = {}) {
    this.#testMsMax = testMsMax;
    for (const name of COPIED) {
      cpSync(join(ROOT, name), join(this.#folder, name), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.#folder, "node_modules"));
  }

  [Symbol.dispose](): void {
    removeFolder(this.#folder);
  }

  /** The test must pass without the bug, or its failing says nothing. The copy is then as it was. */
  async judge(mutant: Mutant): Promise<Verdict> {
    const { by } = mutant;
    const asked = `${by.file}: ${by.name}`;
    if (!this.#sound.has(asked)) {
      const without = await this.#ask(by);
      if (without.kind !== "lived") {
        const why = without.kind === "killed" ? "it failed" : without.why;
        return { kind: "not judged", why: `without any bug, too: ${why}` };
      }
      this.#sound.add(asked);
    }
    const path = join(this.#folder, mutant.file);
    const sound = readFileSync(path, "utf8");
    writeFileSync(path, mutated(sound, mutant));
    try {
      return await this.#ask(by);
    } finally {
      writeFileSync(path, sound);
    }
  }

  async #ask({ file, name }: NamedTest): Promise<Verdict> {
    const { HOLDFAST_TEST_LONG: _long, HOLDFAST_TEST_EVIDENCE: _evidence, ...env } = process.env;
    const flags = ["--bail=1", `--timeout=${this.#testMsMax}`, "-t", RegExp.escape(name)];
    const child = Bun.spawn([process.execPath, "test", ...flags, `./${file}`], {
      cwd: this.#folder,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: FILE_MS_MAX,
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) === 0) return { kind: "lived" };
    const said = out + err;
    const notJudged = (why: string): Verdict => {
      return { kind: "not judged", why: `${why}\n${said.slice(-OUTPUT_LETTERS_MAX)}` };
    };
    if (child.signalCode !== null) return notJudged(`${file} did not come to an end`);
    const [, test] = /^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/m.exec(said) ?? [];
    if (test === undefined) return notJudged(`no test of ${file} ran`);
    if (said.includes(TIMED_OUT)) return notJudged(`a test did not come to an end: ${test}`);
    if (!test.includes(name)) return notJudged(`another than the named test failed: ${test}`);
    return { kind: "killed", test };
  }
}

/** The text with the bug in it. Throws where the place is not there, or there twice. */
export function mutated(text: string, { bug, file, find, replace }: Mutant): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${bug}: ${file} has its place ${places} times`);
  return text.replace(find, () => replace);
}
