/** Failures in the log, a few a second: an outage at full load must not drown its own cause. */
import type { Log, LogFields } from "#lib/log";

const SAME_FAILURE_MS = 1000;
/** Codes and routes are ours, hence few; the bound only guards against a mistake here. */
const NAMES_MAX = 500;

export type FailureLog = (name: string, message: string, fields: LogFields) => void;

/** Writes one line a second for each name, with how many it left out since the last one. */
export function createFailureLog(log: Log, now: () => number): FailureLog {
  const seen = new Map<string, { at: number; omitted: number }>();
  return (name, message, fields) => {
    const last = seen.get(name);
    if (last !== undefined && now() - last.at < SAME_FAILURE_MS) {
      last.omitted += 1;
      return;
    }
    if (seen.size >= NAMES_MAX) seen.clear();
    seen.set(name, { at: now(), omitted: 0 });
    log.warn(message, { ...fields, omitted: last?.omitted ?? 0 });
  };
}
