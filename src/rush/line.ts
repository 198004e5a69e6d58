/** Counts what goes over the line, whatever it is for. */
export interface Line {
  /** Requests that were answered, and of those the ones that said: come again. */
  answered: number;
  again: number;
  /** Connections that ended, or stayed silent, before the answer. */
  lost: number;
  /** Answers of the second that had most. */
  readonly best: number;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Come again: too many requests, and whatever is away for a moment. */
const AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface LineOptions {
  /** No answer but "come again" for so long (milliseconds) is silence. */
  readonly silentMsMax: number;
  /** Called at each further call in silence. */
  readonly onSilent: () => void;
}

export function createLine({ silentMsMax, onSilent }: LineOptions): Line {
  let [second, inSecond, best] = [0, 0, 0];
  /** When the first call was in vain that no answer came after. */
  let silentFrom: number | null = null;
  const inVain = (): void => {
    silentFrom ??= performance.now();
    if (performance.now() - silentFrom >= silentMsMax) onSilent();
  };
  const line: Line = {
    answered: 0,
    again: 0,
    lost: 0,
    get best() {
      return best;
    },
    async fetch(request) {
      try {
        const response = await fetch(request);
        line.answered += 1;
        if (AGAIN.has(response.status)) {
          line.again += 1;
          inVain();
        } else {
          silentFrom = null;
        }
        const now = Math.floor(performance.now() / 1_000);
        if (now !== second) [second, inSecond] = [now, 0];
        inSecond += 1;
        best = Math.max(best, inSecond);
        return response;
      } catch (error) {
        line.lost += 1;
        inVain();
        throw error;
      }
    },
  };
  return line;
}
