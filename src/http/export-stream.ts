/** Answers that are made while they are sent: each part is read when the caller took the last one. */
import { Fault } from "#inventory/faults";

/** Longest life of one export, however slowly it is taken. */
const EXPORT_MS_MAX = 600_000;
/** Exports of one process at a time: each reads from PostgreSQL as fast as its caller takes. */
const EXPORTS_MAX = 4;
/** A caller that takes nothing, and a filter that finds nothing, may be silent for so long. */
export const EXPORT_SILENCE_SECONDS = 120;

export interface ExportOptions {
  readonly parts: AsyncGenerator<string, void, undefined>;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
  /** Whether this process is about to end: then no further part is made. */
  readonly isStopping: () => boolean;
  /** Told why an export was cut, unless its caller went away. */
  readonly onCut: (error: unknown) => void;
  readonly onEnd: () => void;
}

/**
 * Room for EXPORTS_MAX exports. Entering answers how to leave, which may be done more than once;
 * Fault `overloaded` where there is no room.
 */
export function createExportRoom(): () => () => void {
  const open = new Set<symbol>();
  return function enter() {
    if (open.size >= EXPORTS_MAX) {
      throw new Fault("overloaded", `${EXPORTS_MAX} exports of this process are under way`);
    }
    const own = Symbol("export");
    open.add(own);
    return () => open.delete(own);
  };
}

/** The parts as a body; whatever ends it ends them too. */
export function streamOf(options: ExportOptions): ReadableStream<Uint8Array> {
  const { parts, signal, isStopping, onCut, onEnd } = options;
  const encoder = new TextEncoder();
  let timer: Timer | undefined;
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    onEnd();
    // Waits for the part that is being read, if one is.
    void parts.return().catch(onCut);
  };
  const cut = (controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void => {
    if (ended) return;
    onCut(error);
    end();
    // The connection ends before its last chunk. Bun prints whatever is given here.
    controller.error();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const late = new Fault("overloaded", "an export took too long to be taken");
        timer = setTimeout(cut, EXPORT_MS_MAX, controller, late);
        signal.addEventListener("abort", end);
        if (signal.aborted) end();
      },
      async pull(controller) {
        try {
          if (isStopping()) throw new Fault("stopping", "this process is about to end");
          const { done, value } = await parts.next();
          if (ended) return;
          if (!done) return controller.enqueue(encoder.encode(value));
          end();
          controller.close();
        } catch (error) {
          cut(controller, error);
        }
      },
      cancel: end,
    },
    // Nothing is read ahead of the caller.
    { highWaterMark: 0 },
  );
}
