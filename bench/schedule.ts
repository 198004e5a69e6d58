/** Constant rates of whole requests a second, in groups of a millisecond: timers are no finer. */

export interface Schedule {
  readonly perSecond: number;
  /** Another rate from that second on. */
  readonly step: { readonly atSeconds: number; readonly perSecond: number } | null;
}

/** How many are due so many milliseconds after the start. */
export function dueBy(ms: number, { perSecond, step }: Schedule): number {
  const stepMs = stepMsOf(step);
  const before = Math.floor((Math.floor(Math.min(ms, stepMs)) * perSecond) / 1_000);
  if (step === null || ms <= stepMs) return before;
  return before + dueBy(ms - stepMs, { perSecond: step.perSecond, step: null });
}

/** Milliseconds after the start at which the one with that number (from 0) is due. */
export function dueAt(number: number, { perSecond, step }: Schedule): number {
  const before = step === null ? Infinity : step.atSeconds * perSecond;
  if (step === null || number < before) return Math.ceil(((number + 1) * 1_000) / perSecond);
  return stepMsOf(step) + dueAt(number - before, { perSecond: step.perSecond, step: null });
}

const stepMsOf = (step: Schedule["step"]): number =>
  step === null ? Infinity : step.atSeconds * 1_000;
