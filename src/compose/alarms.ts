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

export interface Alarms {
  /** Tells of it, unless that was told last. */
  tell(found: Condition): Promise<void>;
  /** Another may have raised it meanwhile: the next look tells of it, whatever it finds. */
  forget(found: Pick<Condition, "partition" | "kind">): void;
}

/**
 * What one process found last goes to the desk where it changed; what could not be told is told at
 * the next look. The first look tells also that nothing is wrong: whoever raised an alert may be gone.
 */
export function createAlarms(desk: AlertDesk, log: Log): Alarms {
  const told = new Map<string, boolean>();
  const nameOf = ({ partition, kind }: Pick<Condition, "partition" | "kind">): string =>
    `${kind} ${partition}`;
  return {
    async tell(found) {
      const { partition, kind, holds, units } = found;
      const name = nameOf(found);
      if (told.get(name) === holds) return;
      try {
        // What is forgotten while it is told is told again.
        told.set(name, holds);
        const said = holds ? kind : ALERT_ENDS[kind];
        await desk.raise({ partition, kind: said, productId: null, units, detail: null });
      } catch (error) {
        told.delete(name);
        log.debug("an alert could not be raised", { partition, kind, error });
      }
    },
    forget: (found) => void told.delete(nameOf(found)),
  };
}
