/** Who read something once reads nothing older later: readers that go round several processes. */
import { Caller, inventoryOf } from "#test/caller";
import { Random } from "#test/random";
import { tokenOf } from "#test/service";

const READ_PAUSE_MS = 10;

/** A read that showed an earlier version than one that was answered before it was asked. */
export interface WentBack {
  readonly productId: string;
  readonly version: number;
  readonly after: number;
}

export interface Readers extends AsyncDisposable {
  /** Each way back once, however many were reading meanwhile. */
  readonly wentBack: readonly WentBack[];
  readonly reads: number;
  stop(): Promise<void>;
}

/** What one of `urls` has shown to any of them, each other must know. */
export async function startReaders(options: {
  readonly count: number;
  readonly urls: readonly string[];
  readonly productIds: readonly string[];
  readonly seed: number;
}): Promise<Readers> {
  const { count, urls, productIds, seed } = options;
  const caller = new Caller(...urls);
  const token = await tokenOf("admin", "administrator");
  const seen = new Map<string, { readonly version: number; readonly falls: number }>();
  const wentBack: WentBack[] = [];
  const state = { isStopped: false, reads: 0 };
  const read = async (productId: string): Promise<void> => {
    const before = seen.get(productId) ?? { version: 0, falls: 0 };
    const path = `/product/${productId}`;
    const answer = await caller.attempt({ method: "GET", path, token });
    if (answer?.status !== 200) return;
    const { version } = inventoryOf(answer);
    state.reads += 1;
    const known = seen.get(productId) ?? before;
    // Another reader told it meanwhile: who asked before that may have met either state.
    if (known.falls > before.falls) return;
    if (version < before.version) {
      wentBack.push({ productId, version, after: before.version });
      // Told once: from there on it is held to what it shows now.
      seen.set(productId, { version, falls: before.falls + 1 });
    } else {
      seen.set(productId, { ...known, version: Math.max(version, known.version) });
    }
  };
  const random = new Random(seed);
  const running = Array.from({ length: count }, async () => {
    const own = new Random(random.seed());
    while (!state.isStopped) {
      await read(own.pick(productIds));
      await Bun.sleep(READ_PAUSE_MS);
    }
  });
  const stop = async (): Promise<void> => {
    state.isStopped = true;
    await Promise.all(running);
  };
  return {
    wentBack,
    get reads() {
      return state.reads;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
