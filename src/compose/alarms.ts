/** Conditions that an operator must know: raised when they begin and when they end. */
import { ALERT_ENDS, type AlertDesk } from "#inventory/event-ports";
import type { Log } from "#lib/log";

export interface Condition {
  readonly partition: number;
  readonly kind: keyof typeof ALERT_ENDS;
  readonly holds: boolean;
  /** How many; null where no number says anything. */
  readonly units: number | null;
}

/**
 * What one process found last goes to the desk where it changed; what could not be told is told at
 * the next look. The first look tells also that nothing is wrong: whoever raised an alert may be gone.
 */
export function createAlarms(desk: AlertDesk, log: Log): (found: Condition) => Promise<void> {
  const told = new Map<string, boolean>();
  return async ({ partition, kind, holds, units }) => {
    const name = `${kind} ${partition}`;
    if (told.get(name) === holds) return;
    try {
      const said = holds ? kind : ALERT_ENDS[kind];
      await desk.raise({ partition, kind: said, productId: null, units, detail: null });
      told.set(name, holds);
    } catch (error) {
      log.debug("an alert could not be raised", { partition, kind, error });
    }
  };
}
