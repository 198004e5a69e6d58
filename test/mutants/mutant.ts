/** A bug that somebody could make, and the test that is named for what it breaks. */
export interface Mutant {
  /** What is broken, as a reader of the evidence understands it. */
  readonly bug: string;
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Who must notice: this test alone is asked. */
  readonly by: NamedTest;
}

export interface NamedTest {
  readonly file: string;
  /** A part of its name, as it stands in the file; of a title with cases it means all of them. */
  readonly name: string;
}

/** A test of a folder below test/, by the name of its file and its own. */
export const testIn =
  (folder: string) =>
  (file: string, name: string): NamedTest => {
    return { file: `test/${folder}/${file}.test.ts`, name };
  };
