/** `migrate`: brings PostgreSQL to the schema of this code, and says what it did. */
import { eventuallyPostgres } from "#compose/eventually";
import { Refusal } from "#compose/refusal";
import { openServers } from "#compose/servers";
import type { Config } from "#config";
import { createLog } from "#lib/log";
import { createPostgres, type Sql } from "#postgres/client";
import { migrate, pendingMigrations } from "#postgres/migrate";

/** Brings the schema up to date for who changes something; who only looks may not, and is told. */
export async function migrateToApply(sql: Sql, isApplied: boolean): Promise<void> {
  if (isApplied) return void (await migrate(sql));
  const [first] = await pendingMigrations(sql);
  if (first === undefined) return;
  throw new Refusal(`the database lacks ${first}: bun run migrate, or --apply, brings it there`);
}

export async function runMigrate(config: Config): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const servers = await openServers(config, say);
  const sql = createPostgres(servers.databaseUrl, { connectionsMax: 1 });
  try {
    const { applied, present } = await eventuallyPostgres({ log, url: servers.databaseUrl }, () =>
      migrate(sql),
    );
    say(`PostgreSQL: ${servers.description.postgres}`);
    for (const name of applied) say(`applied ${name}`);
    const total = present + applied.length;
    say(applied.length === 0 ? `nothing to do: all ${total} migrations are there` : "done");
  } finally {
    await sql.end({ timeout: 2 });
    await servers.stop();
  }
}
