/** Patterns of cron, in UTC: minute, hour, day, month and weekday, perhaps behind a second. */

/** `*`, a number, a range, each perhaps in steps; several by comma. */
const SECONDS = /^(?:\*|[0-5]?\d(?:-[0-5]?\d)?)(?:\/[1-9]\d?)?$/;
const MINUTE_MS = 60_000;

/** The first time after `now` (ms) at which it is due; null: never, or it is no such pattern. */
export function nextOf(pattern: string, now: number): number | null {
  const fields = pattern.split(" ");
  const seconds = fields.length === 6 ? secondsOf(fields.shift() ?? "") : [0];
  if (fields.length !== 5 || seconds.length === 0) return null;
  const thisMinute = now - (now % MINUTE_MS);
  for (let from = thisMinute - MINUTE_MS; ;) {
    const minute = minuteAfter(fields.join(" "), from);
    if (minute === null) return null;
    const second = seconds.find((at) => minute + at * 1_000 > now);
    if (second !== undefined) return minute + second * 1_000;
    from = minute;
  }
}

function minuteAfter(pattern: string, from: number): number | null {
  try {
    return Bun.cron.parse(pattern, from)?.getTime() ?? null;
  } catch {
    return null;
  }
}

/** In their order; none: the field is not understood. */
function secondsOf(field: string): readonly number[] {
  const parts = field.split(",");
  if (!parts.every((part) => SECONDS.test(part))) return [];
  const ranges = parts.map((part) => {
    const [span = "", step] = part.split("/");
    const [from = 0, to] = span === "*" ? [0, 59] : span.split("-").map(Number);
    const last = to ?? (step === undefined ? from : 59);
    return { from, last, step: Number(step ?? 1) };
  });
  if (ranges.some(({ from, last }) => last < from)) return [];
  return Array.from({ length: 60 }, (_, second) => second).filter((second) =>
    ranges.some(
      ({ from, last, step }) => second >= from && second <= last && (second - from) % step === 0,
    ),
  );
}
