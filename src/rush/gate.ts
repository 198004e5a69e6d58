/** So many at once; the others wait in the order in which they came. */
export interface Gate {
  /** Rejects as the work does. */
  through<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createGate(most: number): Gate {
  let waiting: (() => void)[] = [];
  let [inside, served] = [0, 0];
  const leave = (): void => {
    const next = waiting[served];
    if (next === undefined) {
      inside -= 1;
      return;
    }
    served += 1;
    // Not at each step, for the queue may be long.
    if (served * 2 > waiting.length) {
      waiting = waiting.slice(served);
      served = 0;
    }
    next();
  };
  return {
    async through(work) {
      if (inside < most) inside += 1;
      else await new Promise<void>((resolve) => void waiting.push(resolve));
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
