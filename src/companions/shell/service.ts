/** A companion that is called with tokens of the users service: its shell, its routes, and their document. */
import type { Hono } from "hono";
import { createShell, type ShellEnv } from "#companions/shell/app";
import type { Demand } from "#companions/shell/caller";
import { mount } from "#companions/shell/mount";
import { byRole, EVERYBODY, type ShellRoute } from "#companions/shell/route";
import type { Log } from "#lib/log";

/** What every one of them is made with. */
export interface ServiceOptions {
  readonly demand: Demand;
  readonly version: string;
  readonly log: Log;
  readonly isAway: (error: unknown) => boolean;
  /** Whether its document is for everybody, or for admins. */
  readonly docsPublic: boolean;
}

export interface Service {
  /** In words for a person, as `Orders`. */
  readonly name: string;
  /** Rejects while what it keeps cannot be had: then it is not ready. */
  readonly look: () => Promise<void>;
  readonly routes: readonly ShellRoute[];
}

export function createService(
  { demand, version, log, isAway, docsPublic }: ServiceOptions,
  { name, look, routes }: Service,
): Hono<ShellEnv> {
  const isReady = async (): Promise<null> => {
    await look();
    return null;
  };
  const app = createShell({ name, version, log, isReady, isAway });
  const docsBy = docsPublic ? EVERYBODY : byRole(demand, ["admin"]);
  mount(app, { name, version, routes, docsBy });
  return app;
}
