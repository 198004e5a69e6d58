/** Text of somebody else, for a terminal. */

/** What moves a cursor, colours, starts a line, or turns the direction in which one reads. */
const ACTING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const HEX_DIGITS = 4;

/** The text in one line, with characters that a terminal obeys as JSON writes them: `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(ACTING, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(HEX_DIGITS, "0")}`;
  });
}
