/** `quarantine`: what PostgreSQL refused is listed, brought into the ledger after all, or given up. */
import { parseArgs } from "node:util";
import { eventuallyPostgres } from "#compose/eventually";
import { migrateToApply } from "#compose/migrate";
import { Refusal } from "#compose/refusal";
import { openExistingServers } from "#compose/servers";
import type { Config } from "#config";
import type { Movement, Reservation } from "#inventory/model";
import { createLog } from "#lib/log";
import { createPostgres, type Sql } from "#postgres/client";
import { createQuarantine, type Quarantine, type SetAside } from "#postgres/quarantine";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { readStore } from "#postgres/store-row";

export const QUARANTINE_HELP = `Tells of movements that PostgreSQL refused, and settles them.

Usage:
  bun run quarantine [--partition N]
  bun run quarantine --retry [--partition N] [--apply]
  bun run quarantine --give-up SEQ --partition N [--apply]

Alone it lists them: partition, seq, when, of what, what it did, and why it was refused. Redis has what
they did, and the ledger lacks it; nothing mends their products until they are settled. Services run
meanwhile. Find what refuses them (a constraint that somebody added, a SKU that is taken), mend that,
and bring them in.

Options:
  --retry              bring each into the ledger at its own seq, with all it carries, in order; one that
                       PostgreSQL refuses still is left as it is
  --give-up SEQ        leave that one out of the ledger for good, and say what this means: what Redis
                       has of it is drift then, and a repair or a rebuild takes it back
  --partition N        only of that one                         (default: all)
  --apply              do it; without it nothing is changed, and it says what would be

It exits with 0 when all that was asked for is (or would be) done, with 1 when a movement is refused
still, or there is none of that seq, and with 2 when the command line cannot be understood.

Examples:
  bun run quarantine
  bun run quarantine --retry
  bun run quarantine --retry --apply
  bun run quarantine --give-up 4711 --partition 0 --apply
`;

/** A command line that cannot be understood. */
export class QuarantineUsageError extends Error {}

export interface QuarantineOptions {
  readonly act: "list" | "retry" | "give_up";
  /** null: all. */
  readonly partition: number | null;
  /** Which one is given up. */
  readonly seq: number;
  readonly apply: boolean;
}

export function quarantineOptions(args: readonly string[]): QuarantineOptions {
  const values = parsed(args);
  const partition =
    values.partition === undefined ? null : numberOf(values.partition, "--partition");
  const { apply, retry } = values;
  const seq = values["give-up"];
  if (seq === undefined) {
    if (apply && !retry) throw new QuarantineUsageError("--apply takes --retry or --give-up");
    return { act: retry ? "retry" : "list", partition, seq: 0, apply };
  }
  if (retry) throw new QuarantineUsageError("--retry and --give-up are two things");
  if (partition === null) throw new QuarantineUsageError("--give-up takes --partition too");
  return { act: "give_up", partition, seq: numberOf(seq, "--give-up"), apply };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        retry: { type: "boolean", default: false },
        apply: { type: "boolean", default: false },
        "give-up": { type: "string" },
        partition: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new QuarantineUsageError(error instanceof Error ? error.message : String(error));
  }
}

function numberOf(text: string, option: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new QuarantineUsageError(`${option} takes a number`);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Rejects with a Refusal when something is refused still. */
export async function runQuarantine(config: Config, options: QuarantineOptions): Promise<void> {
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const servers = await openExistingServers(config, say);
  const sql = createPostgres(servers.databaseUrl, {
    connectionsMax: 1,
    applicationName: "holdfast-quarantine",
  });
  try {
    await eventuallyPostgres({ log, url: servers.databaseUrl }, async () => {
      if ((await readStore(sql)) === null) {
        throw new Refusal(`there is no store in ${servers.description.postgres}`);
      }
      await migrateToApply(sql, options.apply);
    });
    say(`PostgreSQL  ${servers.description.postgres}`);
    const quarantine = createQuarantine(sql);
    if (options.act === "list") await listThem(quarantine, options);
    else if (options.act === "retry") await retryThem(quarantine, options);
    else await giveUp(sql, quarantine, options);
  } finally {
    await sql.end({ timeout: 2 });
    await servers.stop();
  }
}

async function listThem(quarantine: Quarantine, { partition }: QuarantineOptions): Promise<void> {
  let count = 0;
  for await (const aside of quarantine.all(partition)) {
    say(lineOf(aside));
    say(`  refused: ${aside.error}`);
    count += 1;
  }
  say(count === 0 ? "nothing is in quarantine" : `${count} movements are in quarantine`);
}

async function retryThem(
  quarantine: Quarantine,
  { partition, apply }: QuarantineOptions,
): Promise<void> {
  const counts = { brought: 0, refused: 0, changed: 0 };
  for await (const aside of quarantine.all(partition)) {
    const outcome = await quarantine.retry(aside, apply);
    counts[outcome.kind] += 1;
    say(lineOf(aside));
    if (outcome.kind === "refused") say(`  is refused still: ${outcome.error}`);
    else if (outcome.kind === "changed") say("  somebody else changed it meanwhile: look again");
    else say(apply ? "  is in the ledger now" : "  would be taken");
  }
  const { brought, refused, changed } = counts;
  if (brought + refused + changed === 0) return say("nothing is in quarantine");
  say(`${brought} ${apply ? "were" : "would be"} brought into the ledger`);
  if (refused + changed > 0) {
    throw new Refusal(`${refused + changed} of them ${apply ? "were" : "would"} not`);
  }
  if (!apply) say("nothing was changed: --apply does it");
}

async function giveUp(
  sql: Sql,
  quarantine: Quarantine,
  { partition, seq, apply }: QuarantineOptions,
): Promise<void> {
  const aside = await quarantine.one(partition ?? 0, seq);
  const missing = `no movement ${seq} of partition ${partition} is in quarantine`;
  if (aside === null) throw new Refusal(missing);
  say(lineOf(aside));
  for (const line of await meaningOf(sql, quarantine, aside)) say(`  ${line}`);
  if (!apply) return say("nothing was changed: --apply gives it up");
  if (!(await quarantine.giveUp(aside))) throw new Refusal(missing);
  say("it is given up");
}

/** What is lost with a movement that is given up, as the ledger stands now. */
async function meaningOf(sql: Sql, quarantine: Quarantine, aside: SetAside): Promise<string[]> {
  const { rows } = aside;
  const movement = rows?.movements[0];
  if (rows === null || movement === undefined) {
    return ["its payload cannot be read: of what it is, and what is lost with it, is not known"];
  }
  const held = rows.reservations.map(({ reservationId }) => reservationId);
  const known = await createReconcileLedger(sql).reservations(held);
  return [
    ...(await unitsOf(quarantine, aside, movement)),
    ...rows.reservations.map((hold) => {
      const own = known.find(({ reservationId }) => reservationId === hold.reservationId);
      return holdOf(hold, own ?? null);
    }),
    ...rows.products.map(({ productId }) => `what ${productId} was then is not noted from it`),
    ...rows.locations.map(({ location }) => `what ${location} was then is not noted from it`),
  ];
}

function holdOf({ reservationId, status, seq }: Reservation, own: Reservation | null): string {
  if (own === null) {
    return `hold ${reservationId} is ${status}, and the ledger does not know it: a repair removes it`;
  }
  if (own.seq > seq) return `hold ${reservationId}: a later state of it is in the ledger`;
  return (
    `hold ${reservationId} is ${status}, and the ledger has it ${own.status}: a repair believes ` +
    "Redis of the hold and the ledger of its units, so compare again behind it"
  );
}

async function unitsOf(
  quarantine: Quarantine,
  { seq }: SetAside,
  movement: Movement,
): Promise<string[]> {
  if (movement.productId === null) return [];
  const { onHandAfter, reservedAfter } = movement;
  const level = await quarantine.levelOf(movement);
  if (level !== null && level.seq > seq) {
    return [
      `no units: movement ${level.seq} of that level is in the ledger, and begins behind it`,
      "a comparison tells that the two do not follow, and a repair writes that down",
    ];
  }
  const { onHand, reserved } = level ?? { onHand: 0, reserved: 0 };
  return [
    `it left ${onHandAfter} on hand and ${reservedAfter} held; the ledger has ${onHand} and ${reserved}`,
    "a repair, or a rebuild, would make Redis what the ledger has: " +
      `${signed(onHand - onHandAfter)} on hand, ${signed(reserved - reservedAfter)} held`,
  ];
}

const signed = (units: number): string => (units > 0 ? `+${units}` : `${units}`);

/** Which movement it is, in one line. */
export function lineOf({ partition, seq, at, rows }: SetAside): string {
  const which = `partition ${partition}  movement ${seq}  ${new Date(at).toISOString()}`;
  const movement = rows?.movements[0];
  if (movement === undefined) return `${which}  of what it is unknown`;
  const { productId, location, type } = movement;
  const onHand = `on hand ${movement.onHandBefore} to ${movement.onHandAfter}`;
  const reserved = `held ${movement.reservedBefore} to ${movement.reservedAfter}`;
  const what = productId === null ? `location ${location}` : `${productId} at ${location}`;
  return `${which}  ${what}  ${type}  ${onHand}, ${reserved}`;
}
