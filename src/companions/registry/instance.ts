/** An instance in Eureka's words: what a client may send of one, and what it is told. */
import { isIP } from "node:net";
import { z } from "zod";

/** Names of applications and instances: what stands in a path, without what would end it. */
const Name = z
  .string()
  .min(1, "must not be empty")
  .max(256, "must have at most 256 characters")
  .regex(/^[^/?#\s]+$/, "must be without spaces and / ? #");

export const STATUSES = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"] as const;
export const Status = z.enum(STATUSES);
export type Status = z.output<typeof Status>;

const PORT_MAX = 65_535;
const PortNumber = z.coerce.number().pipe(z.int().min(0).max(PORT_MAX));
/** A number, or Eureka's own way; clients send its number as text, too. */
const Port = z.union([
  z
    .int()
    .min(0)
    .max(PORT_MAX)
    .transform((number) => ({ $: number, "@enabled": "true" })),
  z.strictObject({
    $: PortNumber,
    "@enabled": z.union([z.enum(["true", "false"]), z.boolean().transform(String)]).default("true"),
  }),
]);

/** A lease lasts as long as its client says, within these (seconds); 90 where it does not say. */
const LEASE_SECONDS = 90;
const LEASE_SECONDS_MIN = 1;
const LEASE_SECONDS_MAX = 3_600;
const Seconds = z.coerce.number().pipe(z.int().min(LEASE_SECONDS_MIN).max(LEASE_SECONDS_MAX));

export const METADATA_ENTRIES_MAX = 100;
/** Of an instance as it is told, with all that its client says of it. */
export const INSTANCE_BYTES_MAX = 4_096;
const TEXT_MAX = 1_024;
const Text = z.string().max(TEXT_MAX);

/** What is not known here is kept and told as it came. */
export const Instance = z.looseObject({
  instanceId: Name,
  // Others call it: nothing that would make another address of it.
  hostName: Name.refine((host) => isIP(host) !== 0 || /^[\w.-]+$/.test(host), {
    message: "must be a host's name or address",
  }),
  app: Text.optional(),
  ipAddr: Text.optional(),
  vipAddress: Text.optional(),
  secureVipAddress: Text.optional(),
  status: Status.default("UP"),
  port: Port,
  securePort: Port.default({ $: 443, "@enabled": "false" }),
  leaseInfo: z
    .looseObject({
      renewalIntervalInSecs: Seconds.default(30),
      durationInSecs: Seconds.default(LEASE_SECONDS),
    })
    .default({ renewalIntervalInSecs: 30, durationInSecs: LEASE_SECONDS }),
  metadata: z
    .record(z.string(), z.unknown())
    .refine((entries) => Object.keys(entries).length <= METADATA_ENTRIES_MAX, {
      message: `must have at most ${METADATA_ENTRIES_MAX} entries`,
    })
    .default({}),
  lastDirtyTimestamp: z.union([z.string(), z.number()]).optional(),
});
export type Instance = z.output<typeof Instance>;

export const Registration = z.object({ instance: Instance });

/** An instance as it is kept. */
export interface Lease {
  /** In capitals, as Eureka has it. */
  readonly app: string;
  readonly instance: Instance;
  /** What an operator says in the place of the instance's own status; null: nothing. */
  readonly overridden: Status | null;
  /** Milliseconds of the registry's Redis. */
  readonly registeredAt: number;
  readonly changedAt: number;
}

/** A lease, and when it was last renewed (ms). */
export interface Held extends Lease {
  readonly renewedAt: number;
}

export const statusOf = ({ overridden, instance }: Lease): Status => overridden ?? instance.status;

export type Action = "ADDED" | "MODIFIED" | "DELETED";

/** As a client reads it. */
export function told(lease: Held, action: Action = "ADDED"): Record<string, unknown> {
  const { instance, app, registeredAt, changedAt, renewedAt, overridden } = lease;
  return {
    countryId: 1,
    ipAddr: instance.hostName,
    vipAddress: vipAddressOf(lease),
    dataCenterInfo: {
      "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
      name: "MyOwn",
    },
    ...instance,
    app,
    status: statusOf(lease),
    overriddenStatus: overridden ?? "UNKNOWN",
    overriddenstatus: overridden ?? "UNKNOWN",
    leaseInfo: {
      ...instance.leaseInfo,
      registrationTimestamp: registeredAt,
      lastRenewalTimestamp: renewedAt,
      evictionTimestamp: 0,
      serviceUpTimestamp: registeredAt,
    },
    lastUpdatedTimestamp: String(changedAt),
    lastDirtyTimestamp: String(instance.lastDirtyTimestamp ?? registeredAt),
    actionType: action,
  };
}

/** Where others ask for it: its application's name where it names nothing, as Eureka has it. */
export const vipAddressOf = ({ instance, app }: Lease): string =>
  instance.vipAddress ?? app.toLowerCase();

/** Counts by status, by which a client sees that its copy is whole. */
export function hashcodeOf(leases: readonly Lease[]): string {
  const counts = new Map<Status, number>();
  for (const lease of leases) {
    const status = statusOf(lease);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([status, count]) => `${status}_${count}_`)
    .join("");
}
