/** Reads the words of a text one after another. */
import type { Token } from "./lexer.ts";

export class Words {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get now(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    if (!token) throw new Error("an empty script");
    return token;
  }

  unexpected(): Error {
    return new Error(`line ${this.now.line}: unexpected ${this.now.text || "end"}`);
  }

  is(text: string): boolean {
    const { kind } = this.now;
    return this.now.text === text && (kind === "name" || kind === "sign");
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.#at += 1;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.unexpected();
  }

  name(): string {
    const token = this.now;
    if (token.kind !== "name") throw this.unexpected();
    this.#at += 1;
    return token.text;
  }

  get next(): Token | undefined {
    return this.#tokens[this.#at + 1];
  }

  skip(): void {
    this.#at += 1;
  }
}
