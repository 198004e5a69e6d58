/** Whether what was measured again and again grows without bound. */

export interface Point {
  /** Of `performance.now()`. */
  readonly atMs: number;
  readonly value: number;
}

/** One thing of one process: a process that starts again is another one. */
export interface Series {
  /** `api-1 memory`. */
  readonly name: string;
  readonly gauge: GaugeName;
  readonly points: readonly Point[];
}

interface Gauge {
  readonly unit: string;
  /** What the last third may have more than the second: this much, and this share of it. */
  readonly plus: number;
  readonly share: number;
  /** A shorter series is still warming up. */
  readonly spanMsMin: number;
}

const MINUTE_MS = 60_000;
/** Long enough to have come up, and to be shorter than any run. */
const SHORT_MS = 5_000;

/**
 * Why these margins: each is above what was seen to come and go while nothing leaked, and so far
 * below what a leak makes that half an hour shows it: there the floors that are compared are ten
 * minutes apart. A longer run finds smaller ones.
 */
export const GAUGES = {
  /**
   * Of one process: 110 MiB when warm, within 8. What is found in ten minutes at fifty requests a
   * second is a kilobyte a request.
   */
  memory: { unit: "MiB", plus: 16, share: 0.1, spanMsMin: 3 * MINUTE_MS },
  /** Floors from 13 to 25, by how many connections clients have: half of a short life may be without. */
  descriptors: { unit: "", plus: 16, share: 0.1, spanMsMin: SHORT_MS },
  /** Of Redis, when all that has an end is gone: 3.3 MiB, within 0.2; products are for ever. */
  data: { unit: "MiB", plus: 1, share: 0.2, spanMsMin: SHORT_MS },
  /**
   * Of a family that follows the load, when all that has an end is gone. There is one for each second in
   * which a hold may end: three minutes after a start, or after Redis has lost all, there are 180, and
   * some jobs.
   */
  keys: { unit: "", plus: 200, share: 0.2, spanMsMin: SHORT_MS },
  /** Of any other family: one for each partition, and what a rebuild leaves for a moment. */
  "few keys": { unit: "", plus: 5, share: 0, spanMsMin: SHORT_MS },
  /** Entries of the journal. Redis removes whole nodes of a hundred. */
  journal: { unit: "", plus: 200, share: 0.1, spanMsMin: SHORT_MS },
  /** Movements that the ledger lacks: the floor is what it never catches up with. */
  lag: { unit: "", plus: 20, share: 0, spanMsMin: SHORT_MS },
} as const satisfies Record<string, Gauge>;

export type GaugeName = keyof typeof GAUGES;

/** In words: by how much the floor of the last third may be above that of the second. */
export const BOUNDS = Object.entries<Gauge>(GAUGES)
  .map(([name, { unit, plus, share }]) => {
    const more = share === 0 ? "" : ` and ${share * 100} %`;
    return `${name} ${`${plus} ${unit}`.trim()}${more}`;
  })
  .join(", ");

export interface Sample {
  readonly name: string;
  readonly gauge: GaugeName;
  /** Of which process: another one begins a series of its own. */
  readonly of: string | number;
  readonly point: Point;
}

/** What was measured, by what it is of. */
export class Recorder {
  readonly #series = new Map<string, Series & { readonly points: Point[] }>();

  get series(): readonly Series[] {
    return [...this.#series.values()];
  }

  note({ name, gauge, of, point }: Sample): void {
    const id = `${name} of ${of}`;
    const series = this.#series.get(id) ?? { name, gauge, points: [] };
    this.#series.set(id, series);
    series.points.push(point);
  }
}

export interface Verdict {
  readonly name: string;
  readonly gauge: GaugeName;
  /** Floors of the second and of the last third; the first one is warming up. */
  readonly before: number;
  readonly after: number;
  readonly allowed: number;
  readonly isFlat: boolean;
}

/** Each third has at least one. */
const POINTS_MIN = 3;
/**
 * The lower quartile is the floor: bursts and what is not collected yet come and go above it, and
 * what is never given back lifts it.
 */
const FLOOR = 0.25;

/** Null where the series is too short to tell. */
export function judge({ name, gauge, points }: Series): Verdict | null {
  const { plus, share, spanMsMin } = GAUGES[gauge];
  const [first, last] = [points[0], points.at(-1)];
  if (points.length < POINTS_MIN || !first || !last) return null;
  if (last.atMs - first.atMs < spanMsMin) return null;
  const third = Math.floor(points.length / 3);
  const before = floorOf(points.slice(-2 * third, -third));
  const after = floorOf(points.slice(-third));
  const allowed = before + plus + before * share;
  return { name, gauge, before, after, allowed, isFlat: after <= allowed };
}

/**
 * Of which roles the memory of some process was judged, and of how many: a process that is killed
 * before it is warm tells nothing, so that a run may have judged none of them.
 */
export function memoryJudged(verdicts: readonly Verdict[]): Record<"api" | "worker", number> {
  const count = (role: string): number =>
    verdicts.filter(({ name, gauge }) => gauge === "memory" && name.startsWith(`${role}-`)).length;
  return { api: count("api"), worker: count("worker") };
}

/** Until the first processes are up. */
const START_MS = 10_000;

/**
 * Minutes that a run takes at least, so that the memory of a process that lives through it is judged:
 * none but the start is left when no further fault would begin in time.
 */
export const memoryMinutes = (everyMs: number): number =>
  Math.ceil((START_MS + GAUGES.memory.spanMsMin + everyMs) / MINUTE_MS);

/** `RISES  api-1 memory: 120.4 → 193.0 MiB, allowed are 168.5`. */
export function wordsOf({ name, gauge, before, after, allowed, isFlat }: Verdict): string {
  const [from, to, most] = [before, after, allowed].map((value) => value.toFixed(1));
  const word = isFlat ? "flat " : "RISES";
  return `${word} ${name}: ${from} → ${to} ${GAUGES[gauge].unit}`.trimEnd() + `, allowed ${most}`;
}

function floorOf(points: readonly Point[]): number {
  const values = points.map(({ value }) => value).toSorted((one, other) => one - other);
  return values[Math.floor((values.length - 1) * FLOOR)] ?? 0;
}
