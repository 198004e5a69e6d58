/** How each line of a script's answer begins: with a word, or with one that was kept. */

/** The word an answer starts with, and what stands behind it. */
export function cut(reply: string): { word: string; rest: string } {
  const tab = reply.indexOf("\t");
  if (tab < 0) return { word: reply, rest: "" };
  return { word: reply.slice(0, tab), rest: reply.slice(tab + 1) };
}

/** A replay carries the reply that was first given, behind the word `replayed`. */
export function unwrapReplay(reply: string): { word: string; rest: string; replayed: boolean } {
  const { word, rest } = cut(reply);
  return word === "replayed" ? { ...cut(rest), replayed: true } : { word, rest, replayed: false };
}

export const unknownWord = (word: string): Error => new Error(`a script answered the word ${word}`);
