/**
 * Keeps this process known to a Eureka registry while it serves. It is a loop beside everything
 * else: nothing waits for it, and a registry that is away or silent is asked again later.
 */
import { callOut } from "#lib/call-out";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";
import { instanceIdOf, instanceOf, SERVICE, type Place } from "#registry/instance";

/** A third of the lease, as every Eureka client has it. */
const RENEW_EVERY_MS = 30_000;
/** The longest wait for one answer. */
const ATTEMPT_MS_MAX = 2_000;
/** Pauses after failures: doubled from the first to the last. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;
/** The longest that a stop waits for the registry; its lease ends by itself. */
const LEAVE_MS_MAX = 500;

const MS_PER_SECOND = 1_000;

export type RegistrationOptions = Readonly<{
  /** Base URLs, asked in this order; the first that takes the registration is kept. */
  registries: readonly string[];
  place: Place;
  /** Its name, in capitals; the inventory's without it. */
  service?: string;
  log: Log;
  /** Told each time it changes; at the start nobody is registered. */
  onChange?: (isRegistered: boolean) => void;
  renewEveryMs?: number;
  retryMsMin?: number;
  /** From 0 to 1, below 1. */
  random?: () => number;
}>;

export type Registration = Readonly<{
  /** Takes the instance off the registry: no more attempts, and an answer within a short bound. */
  leave(): Promise<void>;
}>;

/** Registers, renews, and registers again until `leave`. Answers at once. */
export function keepRegistered(options: RegistrationOptions): Registration {
  const { place, service = SERVICE, log, onChange, random = Math.random } = options;
  const { renewEveryMs = RENEW_EVERY_MS, retryMsMin = RETRY_MS_MIN } = options;
  const targets = options.registries.flatMap((registry) => applicationUrls(registry, service));
  const instanceId = instanceIdOf(place, service);
  const body = { instance: instanceOf(place, Math.ceil(renewEveryMs / MS_PER_SECOND), service) };
  const stopping = new AbortController();
  const { signal } = stopping;
  /** Where it was registered last, while that is known to hold. */
  let home: string | null = null;
  /** Where the instance is, or may be, because an answer did not come. */
  const places = new Set<string>();
  let isFailing = false;

  const tell = async (method: "POST" | "PUT", target: string): Promise<string | null> => {
    const call = { method, withinMs: ATTEMPT_MS_MAX, signal };
    try {
      const { status } = await (method === "POST"
        ? callOut({ ...call, url: target, body })
        : callOut({ ...call, url: instanceUrl(target, instanceId) }));
      // A registration is taken with 204 alone: any web server may answer 200.
      if (method === "POST" ? status === 204 : status >= 200 && status < 300) return null;
      if (status === 404) places.delete(target);
      return `${method} was answered ${status}`;
    } catch (error) {
      return reasonOf(error);
    }
  };

  /** Tries one registry after the other; answers where it was taken, or why nowhere. */
  const enrol = async (): Promise<{ taken: string } | { reason: string }> => {
    const reasons: string[] = [];
    for (const target of targets) {
      if (signal.aborted) break;
      places.add(target);
      const problem = await tell("POST", target);
      if (problem === null) return { taken: target };
      reasons.push(`${withoutPassword(target)}: ${problem}`);
    }
    return { reason: reasons.join("; ") };
  };

  /** A renewal; where that is not taken, or there is nothing to renew, a registration. */
  const attempt = async (): Promise<boolean> => {
    const problem = home === null ? null : await tell("PUT", home);
    if (home !== null && problem === null) return true;
    const outcome = await enrol();
    if (signal.aborted) return false;
    if ("taken" in outcome) {
      home = outcome.taken;
      const registry = withoutPassword(home);
      if (problem === null) log.info("registered", { registry, instanceId });
      else log.warn("registered again", { registry, instanceId, reason: problem });
    } else {
      home = null;
      const { reason } = outcome;
      if (!isFailing) log.warn("no registry can be told of this service", { reason });
    }
    isFailing = home === null;
    onChange?.(home !== null);
    return home !== null;
  };

  const run = async (): Promise<void> => {
    let pauseMs = retryMsMin;
    while (!signal.aborted) {
      const isDone = await attempt();
      // Half of it by chance: services that lost one registry do not all come back at once.
      const retryMs = pauseMs * (0.5 + random() / 2);
      await pause(isDone ? renewEveryMs : retryMs, signal);
      pauseMs = isDone ? retryMsMin : Math.min(pauseMs * 2, RETRY_MS_MAX);
    }
  };

  const leaveOne = async (target: string): Promise<void> => {
    const registry = withoutPassword(target);
    const url = instanceUrl(target, instanceId);
    try {
      const { status } = await callOut({ method: "DELETE", url, withinMs: LEAVE_MS_MAX });
      log.info("left the registry", { registry, instanceId, status });
    } catch (error) {
      const reason = reasonOf(error);
      log.warn("a registry was not told of the stop; the lease ends by itself", {
        registry,
        reason,
      });
    }
  };

  const leave = async (): Promise<void> => {
    stopping.abort();
    onChange?.(false);
    await Promise.all(Array.from(places, leaveOne));
  };

  void run();
  let left: Promise<void> | undefined;
  return { leave: () => (left ??= leave()) };
}

/**
 * Where a registry keeps our application. Eureka's own paths begin with `/eureka/v2`, those of
 * Spring's server with `/eureka`: both are tried unless the base says which.
 */
function applicationUrls(registry: string, service: string): string[] {
  const url = new URL(registry);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/eureka$/, "");
  const prefixes = path.endsWith("/eureka/v2") ? [""] : ["/eureka/v2", "/eureka"];
  return prefixes.map((prefix) => {
    url.pathname = `${path}${prefix}/apps/${service}`;
    return url.href;
  });
}

/** Colons stay as they are: every client writes ids so. */
function instanceUrl(applicationUrl: string, instanceId: string): string {
  const url = new URL(applicationUrl);
  url.pathname += `/${encodeURIComponent(instanceId).replaceAll("%3A", ":")}`;
  return url.href;
}

function withoutPassword(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
