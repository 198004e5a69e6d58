/**
 * Answers without an end: server-sent events. Nothing is kept for a reader that does not take what it
 * is sent: its stream ends, and it comes back with the id of the last event that it has.
 */
import { Fault } from "#inventory/faults";

/** Streams of one kind that one process keeps open; whoever comes then hears 503. */
export const STREAMS_MAX = 8_192;
/** What may wait for a reader before it is sent more; beyond that it does not take it. */
export const STREAM_WAITING_BYTES_MAX = 1_048_576;
/** A stream that is silent hears this often that it is open: the listener ends what is silent for 10 s. */
export const HEARTBEAT_MS = 4_000;
/** A reader that took nothing between so many heartbeats, and for which something waits, takes nothing. */
const SILENT_BEATS_MAX = 8;
/** Heartbeats come in so many parts, for all at once would take the processor from requests. */
const HEARTBEAT_PARTS = 16;
/** Whoever is sent away by a stop comes back within this, by chance: not all at once. */
const RETRY_MS = { least: 500, most: 3_000 };
/** Behind these a timer may not be set; a token that holds for longer is looked at again. */
const LOOK_MS_MAX = 300_000;

/** What opens a stream. */
export interface StreamOptions {
  /** Aborted when the reader goes away. */
  readonly signal: AbortSignal;
  /** What a heartbeat says. */
  readonly heartbeat: () => Uint8Array<ArrayBuffer>;
  /** For how many ms it may go on; rejects when it may not. null: it needs no leave. */
  readonly holdsFor: (() => Promise<number>) | null;
  /** Called once. */
  readonly onEnd: () => void;
}

export interface StreamsOptions {
  readonly onOpen: (count: number) => void;
  readonly onDropped: () => void;
  readonly heartbeatMs?: number;
}

/** The streams of one kind. Closed, it sends everybody away, for good. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #open = new Set<Stream>();
  readonly #parts: readonly Set<Stream>[] = Array.from(
    { length: HEARTBEAT_PARTS },
    () => new Set(),
  );
  #timer: ReturnType<typeof setInterval> | null = null;
  #turn = 0;
  #isClosed = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** Opens one. Throws `overloaded` where there is no room, and `stopping` once it is closed. */
  open({ onEnd, ...options }: StreamOptions): Stream {
    if (this.#isClosed) throw new Fault("stopping", "this process is about to end");
    if (this.#open.size >= STREAMS_MAX) {
      throw new Fault("overloaded", `${STREAMS_MAX} streams of this process are open`);
    }
    const part = this.#parts[this.#open.size % HEARTBEAT_PARTS];
    const stream = new Stream({
      ...options,
      onDropped: this.#options.onDropped,
      onEnd: () => {
        this.#open.delete(stream);
        part?.delete(stream);
        this.#options.onOpen(this.#open.size);
        if (this.#open.size === 0) this.#rest();
        onEnd();
      },
    });
    this.#open.add(stream);
    part?.add(stream);
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    this.#timer ??= setInterval(() => this.#beat(), heartbeatMs / HEARTBEAT_PARTS);
    this.#options.onOpen(this.#open.size);
    return stream;
  }

  close(): void {
    this.#isClosed = true;
    const { least, most } = RETRY_MS;
    for (const stream of this.#open) {
      const ms = least + Math.floor(Math.random() * (most - least));
      stream.write(retryFrame(ms));
      stream.end();
    }
  }

  #beat(): void {
    this.#turn = (this.#turn + 1) % HEARTBEAT_PARTS;
    for (const stream of this.#parts[this.#turn] ?? []) stream.beat();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** One of them. */
export class Stream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: StreamOptions & Pick<StreamsOptions, "onDropped">;
  readonly #abort = (): void => this.end();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | null = null;
  #isHungry = false;
  #silentBeats = 0;
  #hasEnded = false;

  constructor(options: StreamOptions & Pick<StreamsOptions, "onDropped">) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#feed(true),
        cancel: () => this.#ended(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    );
    options.signal.addEventListener("abort", this.#abort);
    if (options.signal.aborted) this.end();
    else void this.#look();
  }

  /** Sends it, unless too much waits already: then the stream is cut, and what waits is forgotten. */
  write(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#hasEnded || this.#controller === null) return;
    if (-(this.#controller.desiredSize ?? 0) > STREAM_WAITING_BYTES_MAX) return this.#drop();
    this.#isHungry = false;
    this.#controller.enqueue(frame);
  }

  /** Tells the reader that it is open; ends it where nothing was taken for long. */
  beat(): void {
    this.#silentBeats = this.#isHungry ? 0 : this.#silentBeats + 1;
    if (this.#silentBeats > SILENT_BEATS_MAX) return this.#hasEnded ? undefined : this.#drop();
    this.write(this.#options.heartbeat());
  }

  /** Resolves when nothing waits for the reader any more; false: it is over. */
  async taken(): Promise<boolean> {
    if (!this.#isHungry && !this.#hasEnded) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return !this.#hasEnded;
  }

  /** The reader hears what waits for it, and then the end. */
  end(): void {
    if (this.#hasEnded) return;
    this.#ended();
    // A body that nobody reads any more is closed already.
    if (!this.#options.signal.aborted) this.#controller?.close();
  }

  #drop(): void {
    this.#ended();
    this.#options.onDropped();
    // The connection ends at once. Bun prints whatever is given here.
    this.#controller?.error();
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener("abort", this.#abort);
    this.#feed(false);
    this.#options.onEnd();
  }

  #feed(isHungry: boolean): void {
    this.#isHungry = isHungry;
    this.#silentBeats = 0;
    this.#wake?.();
    this.#wake = null;
  }

  /** As long as its token holds. */
  async #look(): Promise<void> {
    const { holdsFor } = this.#options;
    if (holdsFor === null) return;
    try {
      const ms = Math.min(await holdsFor(), LOOK_MS_MAX);
      if (!this.#hasEnded) this.#timer = setTimeout(() => void this.#look(), Math.max(ms, 0));
    } catch {
      this.end();
    }
  }
}

const encoder = new TextEncoder();

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** In how many ms who loses its stream comes back. */
export const retryFrame = (ms: number): Uint8Array<ArrayBuffer> => bytesOf(`retry: ${ms}\n\n`);

/** Media type of streams. */
export const EVENT_STREAM = "text/event-stream";
