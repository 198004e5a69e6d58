/** Tells how a storm goes: one line that is drawn again on a terminal, a line now and then elsewhere. */
import type { Line } from "#rush/line";
import { progressWords, secondsText, type Shown } from "#rush/words";

const TERMINAL_EVERY_MS = 200;
const PLAIN_EVERY_MS = 2_000;
/** While nothing happens: most of a rush is the minute in which holds expire. */
const SAME_EVERY_MS = 10_000;
const LEFT_EVERY_MS = 200;
/** What a terminal does to begin its line anew. */
const CLEAR_LINE = "\r\u001b[2K";

export interface Screen {
  /** Characters of a line of the terminal; null where it is none. */
  readonly columns: number | null;
  readonly write: (text: string) => void;
}

export interface Telling extends Disposable {
  /** One line for good, above the one that is drawn. */
  readonly say: (line: string) => void;
  /** From here on it tells of this storm, until it is told to stop. */
  follow(storm: Shown, line: Pick<Line, "answered">, left: () => Promise<number>): void;
  stop(): void;
}

export function createTelling({ columns, write }: Screen): Telling {
  const timers: ReturnType<typeof setInterval>[] = [];
  let drawn = "";
  let tell: () => void = () => {};
  const draw = (text: string): void => {
    if (columns === null) return write(`${text}\n`);
    // A line that wraps could not be drawn again.
    drawn = text.slice(0, columns - 1);
    write(`${CLEAR_LINE}${drawn}`);
  };
  const stop = (): void => {
    if (timers.length === 0) return;
    for (const timer of timers.splice(0)) clearInterval(timer);
    tell();
    if (columns !== null) write("\n");
    drawn = "";
  };
  return {
    say(line) {
      write(drawn === "" ? `${line}\n` : `${CLEAR_LINE}${line}\n${drawn}`);
    },
    follow(storm, line, left) {
      const begunAt = performance.now();
      const asked = createAsked(left);
      let last = { at: begunAt, answered: line.answered };
      let told = { at: begunAt, words: "" };
      tell = () => {
        const now = performance.now();
        const perSecond = ((line.answered - last.answered) * 1_000) / Math.max(1, now - last.at);
        last = { at: now, answered: line.answered };
        const words = progressWords(storm, { left: asked.last(), perSecond });
        const isSame = columns === null && words === told.words && timers.length > 0;
        if (isSame && now < told.at + SAME_EVERY_MS) return;
        told = { at: now, words };
        draw(`${secondsText((now - begunAt) / 1_000).padStart(7)}   ${words}`);
      };
      asked.ask();
      timers.push(
        setInterval(tell, columns === null ? PLAIN_EVERY_MS : TERMINAL_EVERY_MS),
        setInterval(asked.ask, LEFT_EVERY_MS),
      );
    },
    stop,
    [Symbol.dispose]: stop,
  };
}

/** What was answered last, however long the next answer takes; null: nobody could say. */
function createAsked(left: () => Promise<number>) {
  let answer: number | null = null;
  let isAsking = false;
  const wait = async (): Promise<void> => {
    isAsking = true;
    answer = await left().catch(() => null);
    isAsking = false;
  };
  return {
    last: () => answer,
    ask: (): void => {
      if (!isAsking) void wait();
    },
  };
}
