/**
 * The leases of all instances, in Redis: a registry that starts again forgets nothing, and several of
 * them are one. Keys, all with the prefix `registry:`:
 * - `instances` (hash): `<APP>/<instanceId>` → the lease as JSON.
 * - `renewed` (hash): the same name → when it was last renewed (ms of Redis).
 * - `changes` (stream): what came, changed and went within the last minutes.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Refused } from "#companions/shell/app";
import { parsed } from "#companions/shell/parsed";
import {
  Instance,
  INSTANCE_BYTES_MAX,
  Status,
  told,
  type Action,
  type Held,
  type Lease,
} from "#companions/registry/instance";

const INSTANCES = "registry:instances";
const RENEWED = "registry:renewed";
const CHANGES = "registry:changes";

/** How long a change is told to who asks for changes alone: clients ask each 30 s. */
export const CHANGES_KEPT_MS = 180_000;
/** Of all applications together, for all of them are one answer: 8 MB where each is as long as it may be. */
export const INSTANCES_MAX = 2_000;
/** Who missed one sees by the hash code that its copy is not whole, and asks for everything. */
const CHANGES_MAX = 2_000;

const KeptLease = z.object({
  app: z.string(),
  instance: Instance,
  overridden: Status.nullable(),
  registeredAt: z.number(),
  changedAt: z.number(),
});
const Change = z.object({
  action: z.enum(["ADDED", "MODIFIED", "DELETED"]),
  lease: KeptLease.extend({ renewedAt: z.number() }),
});
export type Change = z.output<typeof Change>;

const nameOf = (app: string, instanceId: string): string => `${app}/${instanceId}`;

export class Leases {
  readonly #redis: Redis;
  /** When this registry came: nobody could renew while there was none. */
  #cameAt: number | null = null;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Resolves when Redis answers. */
  async look(): Promise<void> {
    await this.#now();
  }

  async register(app: string, instance: Instance): Promise<void> {
    const now = await this.#now();
    const known = await this.#lease(app, instance.instanceId);
    if (known === null && (await this.#redis.hlen(INSTANCES)) >= INSTANCES_MAX) {
      throw new Refused(503, `the registry has ${INSTANCES_MAX} instances, and no room for more`);
    }
    const { overridden = null, registeredAt = now } = known ?? {};
    const lease = { app, instance, overridden, registeredAt, changedAt: now };
    await this.#write(known === null ? "ADDED" : "MODIFIED", { ...lease, renewedAt: now });
  }

  /**
   * False: it is not known, or not as its client has it by now (`dirtyAt`, where the client says when it
   * changed last): it has to register.
   */
  async renew(app: string, instanceId: string, dirtyAt: number | null): Promise<boolean> {
    const now = await this.#now();
    const held = await this.#held(app, instanceId, now);
    if (held === null) return false;
    const known = Number(held.instance.lastDirtyTimestamp ?? 0);
    if (dirtyAt !== null && dirtyAt > known && known > 0) return false;
    await this.#redis.hset(RENEWED, nameOf(app, instanceId), String(now));
    return true;
  }

  /** False: it is not known. */
  async cancel(app: string, instanceId: string): Promise<boolean> {
    const now = await this.#now();
    const held = await this.#held(app, instanceId, now);
    if (held === null) return false;
    await this.#remove([{ ...held, changedAt: now }]);
    return true;
  }

  /** Changes a lease that is there, within the bounds of a registration; false: it is not known. */
  async change(app: string, instanceId: string, change: (lease: Lease) => Lease): Promise<boolean> {
    const now = await this.#now();
    const held = await this.#held(app, instanceId, now);
    if (held === null) return false;
    const changed = change(held);
    const instance = parsed(Instance, changed.instance);
    const { renewedAt } = held;
    await this.#write("MODIFIED", { ...changed, instance, changedAt: now, renewedAt });
    return true;
  }

  /** All whose lease has not ended, by name. */
  async all(): Promise<readonly Held[]> {
    const now = await this.#now();
    return (await this.#everything()).filter((held) => !this.#hasEnded(held, now));
  }

  /** What came, changed and went within the last minutes, oldest first. */
  async changes(): Promise<readonly Change[]> {
    const since = (await this.#now()) - CHANGES_KEPT_MS;
    const entries = await this.#redis.xrange(CHANGES, String(Math.max(0, since)), "+");
    return entries.map(([, [, text = ""]]) => Change.parse(JSON.parse(text)));
  }

  /** Takes those off whose lease has ended; answers them. */
  async evict(): Promise<readonly Held[]> {
    const now = await this.#now();
    const known = await this.#everything();
    const ended = known.filter((held) => this.#hasEnded(held, now));
    await this.#remove(ended.map((held) => ({ ...held, changedAt: now })));
    // A renewal that came just when its lease went has left a time that is nobody's.
    const names = new Set(known.map(({ app, instance }) => nameOf(app, instance.instanceId)));
    const renewed = await this.#redis.hkeys(RENEWED);
    const nobodys = renewed.filter((name) => !names.has(name));
    if (nobodys.length > 0) await this.#redis.hdel(RENEWED, ...nobodys);
    return ended;
  }

  /** Three missed renewals end it; the time without any registry does not count. */
  #hasEnded({ instance, renewedAt }: Held, now: number): boolean {
    const from = Math.max(renewedAt, this.#cameAt ?? now);
    return now >= from + instance.leaseInfo.durationInSecs * 1_000;
  }

  async #now(): Promise<number> {
    const [seconds, micros] = await this.#redis.time();
    const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    this.#cameAt ??= now;
    return now;
  }

  async #lease(app: string, instanceId: string): Promise<Lease | null> {
    const text = await this.#redis.hget(INSTANCES, nameOf(app, instanceId));
    return text === null ? null : KeptLease.parse(JSON.parse(text));
  }

  async #held(app: string, instanceId: string, now: number): Promise<Held | null> {
    const lease = await this.#lease(app, instanceId);
    if (lease === null) return null;
    const renewed = await this.#redis.hget(RENEWED, nameOf(app, instanceId));
    const held = { ...lease, renewedAt: Number(renewed ?? lease.registeredAt) };
    return this.#hasEnded(held, now) ? null : held;
  }

  async #everything(): Promise<readonly Held[]> {
    const [leases, renewed] = await Promise.all([
      this.#redis.hgetall(INSTANCES),
      this.#redis.hgetall(RENEWED),
    ]);
    return Object.entries(leases)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, text]) => {
        // One that cannot be read is nobody's: it shall not hide all others.
        const { data: lease } = KeptLease.safeParse(JSON.parse(text));
        if (lease === undefined) return [];
        return [{ ...lease, renewedAt: Number(renewed[name] ?? lease.registeredAt) }];
      });
  }

  async #write(action: Action, held: Held): Promise<void> {
    if (Buffer.byteLength(JSON.stringify(told(held))) > INSTANCE_BYTES_MAX) {
      throw new Refused(400, `instance: must have at most ${INSTANCE_BYTES_MAX} bytes`, {
        field: "instance",
      });
    }
    const { renewedAt, ...lease } = held;
    const name = nameOf(lease.app, lease.instance.instanceId);
    await this.#redis
      .multi()
      .hset(INSTANCES, name, JSON.stringify(lease))
      .hset(RENEWED, name, String(renewedAt))
      .xadd(CHANGES, ...this.#changeOf(action, held))
      .xtrim(CHANGES, "MAXLEN", "~", CHANGES_MAX)
      .exec();
  }

  async #remove(leases: readonly Held[]): Promise<void> {
    if (leases.length === 0) return;
    const names = leases.map(({ app, instance }) => nameOf(app, instance.instanceId));
    const all = this.#redis
      .multi()
      .hdel(INSTANCES, ...names)
      .hdel(RENEWED, ...names);
    for (const lease of leases) all.xadd(CHANGES, ...this.#changeOf("DELETED", lease));
    await all.exec();
  }

  #changeOf(action: Action, lease: Held): ["MINID", "~", string, "*", "change", string] {
    const oldest = String(Math.max(0, lease.changedAt - CHANGES_KEPT_MS));
    return ["MINID", "~", oldest, "*", "change", JSON.stringify({ action, lease })];
  }
}

/** Leases by application, in the order of their names. */
export function byApplication<One extends Lease>(
  leases: readonly One[],
): readonly (readonly [string, readonly One[]])[] {
  return [...Map.groupBy(leases, ({ app }) => app)];
}
