/** So many at once; the others wait in the order in which they came, some of them before all others. */
export interface Gate {
  readonly through: Enter;
  /** Before everybody who waits in `through`. */
  readonly ahead: Enter;
}

/** Does the work inside; rejects as it does. */
export type Enter = <Result>(work: () => Promise<Result>) => Promise<Result>;

export function createGate(most: number): Gate {
  const [first, others] = [createQueue(), createQueue()];
  let inside = 0;
  const leave = (): void => {
    const next = first.next() ?? others.next();
    if (next === undefined) inside -= 1;
    else next();
  };
  const enterBy =
    (queue: Queue): Enter =>
    async (work) => {
      if (inside < most) inside += 1;
      else await new Promise<void>((resolve) => queue.add(resolve));
      try {
        return await work();
      } finally {
        leave();
      }
    };
  return { through: enterBy(others), ahead: enterBy(first) };
}

interface Queue {
  add(enter: () => void): void;
  next(): (() => void) | undefined;
}

function createQueue(): Queue {
  let waiting: (() => void)[] = [];
  let served = 0;
  return {
    add: (enter) => void waiting.push(enter),
    next() {
      const enter = waiting[served];
      if (enter === undefined) return undefined;
      served += 1;
      // Not at each step, for the queue may be long.
      if (served * 2 > waiting.length) {
        waiting = waiting.slice(served);
        served = 0;
      }
      return enter;
    },
  };
}
