/** A bug that somebody could make, and who is asked about it. */
export interface Mutant {
  /** What is broken, as a reader of the evidence understands it. */
  readonly bug: string;
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Test files that may notice, the quickest first. */
  readonly asks: readonly string[];
  /** It makes something wait for ever: a test that does not come to an end has noticed it. */
  readonly hangs?: true;
}

/** Test files of a folder below test/, by name. */
export const testsIn =
  (folder: string) =>
  (...names: string[]): string[] =>
    names.map((name) => `test/${folder}/${name}.test.ts`);
