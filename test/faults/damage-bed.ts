/**
 * A Redis whose files are harmed, its ledger, and one process that remembers what it was told: all
 * that a case needs, without the processes, so that one costs a fraction of a second.
 */
import { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { ProductId } from "#inventory/model";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { metaKey } from "#redis/keys";
import { rebuildPartition } from "#workers/rebuild";
import { examine, type Acknowledged } from "#test/audit";
import { invariants } from "#test/invariants";
import { falseReports, reported } from "#test/lost";
import { filesOf, startAsOperator, type Started } from "#test/operator";
import { openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { startRedis, type TestServer } from "#test/servers";
import { soon } from "#test/store";
import { until } from "#test/until";
import { compared } from "#faults/compared";
import { failuresOf, lossIsTrue, redisIsTheLedger } from "#faults/laws";
import { startLink, type Link } from "#faults/link";
import { makeProducts, PRODUCTS } from "#faults/traffic";

const LOOKED_AT_MS_MAX = 10_000;
const REBUILT_MS_MAX = 10_000;

export interface DamageBed extends AsyncDisposable {
  readonly server: TestServer;
  /** The way of the process that remembers. */
  readonly link: Link;
  /** For looking and for harm. */
  readonly redis: Redis;
  readonly use: RebuildBed;
  /** All that was acknowledged and not reported as lost. */
  acknowledged: readonly Acknowledged[];
  /** All that was, and was reported. */
  lost: readonly Acknowledged[];
  /** Of each product, as it was last read before a harm, and behind a rebuild that followed. */
  versions: ReadonlyMap<string, number>;
  rebuilt: ReadonlyMap<string, number>;
}

/** What started is ended where a later start fails. */
export async function openDamageBed(): Promise<DamageBed> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRedis());
  const link = stack.use(await startLink("process to redis", "redis", server.url));
  const redis = new Redis(server.url);
  // The server ends again and again here.
  redis.on("error", () => undefined);
  stack.defer(() => redis.disconnect());
  const use = stack.use(await openRebuildBed(link.url));
  use.stores.redis.on("error", () => undefined);
  stack.defer(async () => {
    // Its last words to Redis need a way there.
    link.resume();
    await until(() => use.stores.redis.status === "ready", {
      withinMs: LOOKED_AT_MS_MAX,
      what: "the process is connected",
    });
  });
  const acknowledged = await makeProducts(use.stores.store);
  const ended = stack.move();
  return {
    server,
    link,
    redis,
    use,
    acknowledged,
    lost: [],
    versions: new Map(),
    rebuilt: new Map(),
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}

/** Kills Redis, harms what it left, and starts it as an operator would. */
export async function harmed<Harm>(
  bed: DamageBed,
  harm: (folder: string) => Harm,
): Promise<{ readonly what: Harm; readonly started: Started }> {
  const { server } = bed;
  bed.versions = await versionsIn(bed);
  await server.kill();
  const what = harm(filesOf(server));
  return { what, started: await startAsOperator(server) };
}

/**
 * Waits until the process has looked at the server that there is now, and rebuilds the partition
 * where that found it lacking. Answers whether it did.
 */
export async function admitted(bed: DamageBed, which: "fenced" | "any" = "fenced") {
  const { use, redis } = bed;
  const [partition] = use.stores.partitions;
  if (!partition) throw new Error("there is no partition");
  const runId = await runIdOf(redis);
  const isLookedAt = async (): Promise<boolean> => {
    if (partition.state === "fenced") return true;
    const [known, epoch] = await redis.hmget(metaKey(0), "runId", "epoch");
    const isCurrent = known === runId && Number(epoch) === partition.epoch;
    return partition.state === "open" && isCurrent;
  };
  await until(isLookedAt, { withinMs: LOOKED_AT_MS_MAX, what: "the process looked at Redis" });
  if (partition.state !== "fenced" && which === "fenced") return false;
  // Another server was in use a moment ago, and is this one: nobody waits here for what is known.
  await use.db.sql`DELETE FROM servers_in_use`;
  const discards = which === "any";
  const outcome = await rebuildPartition(0, use.use, { which, discards });
  if (outcome.kind !== "rebuilt") throw new Error(`not rebuilt: ${JSON.stringify(outcome)}`);
  await until(() => partition.state === "open" && partition.rebuilt === outcome.epoch, {
    withinMs: REBUILT_MS_MAX,
    what: "the process goes on with what was rebuilt",
  });
  bed.rebuilt = await versionsIn(bed);
  return true;
}

/** By the process that remembers. */
async function versionsIn({ use }: DamageBed): Promise<ReadonlyMap<string, number>> {
  const ids = PRODUCTS.map((id) => ProductId.parse(id));
  const products = await use.stores.store.products(ids, soon());
  return new Map(products.map((product, i) => [PRODUCTS[i] ?? "", product?.seq ?? 0]));
}

async function runIdOf(redis: Redis): Promise<string> {
  const info = await until(() => redis.info("server"), {
    withinMs: LOOKED_AT_MS_MAX,
    what: "Redis answers",
  });
  return /^run_id:(\w+)/m.exec(info)?.[1] ?? "";
}

/** What `bun run verify` says. */
export type Verdict =
  | { readonly kind: "equal" }
  | { readonly kind: "differs"; readonly words: readonly string[] }
  /** What Redis has cannot be read, or the ledger never comes to where Redis says that it stands. */
  | { readonly kind: "incomparable"; readonly words: readonly string[] };

async function compare({ use, redis }: DamageBed): Promise<ReconcileReport> {
  const { sql } = use.db;
  const [row] = await sql`SELECT store_id FROM store`;
  return await compared({ redis, sql, storeId: String(row?.["store_id"]) });
}

/** An error of another kind than those that a turned bit brings is thrown: it is a bug. */
export async function verified(bed: DamageBed): Promise<Verdict> {
  const { use } = bed;
  try {
    await use.drained();
  } catch (error) {
    return { kind: "incomparable", words: [`it is not drained: ${String(error)}`] };
  }
  try {
    const { differences, quarantined } = await compare(bed);
    const found = differences.map(({ kind, cause }) => `${kind}: ${cause}`);
    const words = quarantined > 0 ? [...found, `${quarantined} movements in quarantine`] : found;
    return words.length === 0 ? { kind: "equal" } : { kind: "differs", words };
  } catch (error) {
    if (!isOfData(error)) throw error;
    return { kind: "incomparable", words: [String(error)] };
  }
}

/** As the readers of Redis's records say it, or Redis where a key became one of another kind. */
const UNREADABLE =
  /WRONGTYPE|is not a count|is missing|is not a map of texts|a product lacks|not a hold|unknown (?:state|end reason)|not a JSON string/;

const isOfData = (error: unknown): boolean =>
  error instanceof Fault || error instanceof z.ZodError || UNREADABLE.test(String(error));

export interface Held {
  readonly broken: readonly string[];
  readonly lost: number;
  readonly movements: number;
}

/**
 * Holds all of it to every law: nothing is gone that was not reported, nothing is reported that is not
 * gone or was never acknowledged, nothing is sold twice, a comparison finds nothing, and where nothing
 * is lost nothing is read as it was before.
 */
export async function held(bed: DamageBed): Promise<Held> {
  const { use, redis } = bed;
  const { requests } = await reported(use.db.sql);
  const isLost = ({ requestId }: Acknowledged): boolean => requests.has(requestId);
  const kept = bed.acknowledged.filter((one) => !isLost(one));
  const gone = [...bed.lost, ...bed.acknowledged.filter(isLost)];
  const lost = bed.acknowledged.length - kept.length;
  const urls = { redisUrl: bed.server.url, databaseUrl: use.db.url };
  await use.drained();
  const { audited, broken } = await examine({ ...urls, acknowledged: kept });
  const found = [...broken].flatMap(([law, texts]) => texts.map((text) => `${law}: ${text}`));
  await invariants(redis).catch((error: unknown) => void found.push(String(error)));
  const known = new Set(gone.map(({ requestId }) => requestId));
  const unknown = [...requests].filter((id) => id === null || !known.has(id));
  found.push(...unknown.map((id) => `${id} is reported as lost, and was never acknowledged`));
  const untrue = await falseReports(use.db.sql, gone);
  const acknowledged = kept.length + gone.length;
  const loss = { acknowledged, gone: gone.length, untrue, mayLose: true };
  found.push(...failuresOf(lossIsTrue(loss)));
  found.push(...redisIsTheLedger(await compare(bed)).broken);
  const wentBack = [...bed.rebuilt].flatMap(([id, version]) => {
    const before = bed.versions.get(id) ?? 0;
    return version < before ? [`${id}: version ${version} after ${before}`] : [];
  });
  if (lost === 0) found.push(...wentBack);
  if (found.length > 0) return { broken: found, lost, movements: audited.movements };
  Object.assign(bed, { acknowledged: kept, lost: gone });
  Object.assign(bed, { versions: await versionsIn(bed), rebuilt: new Map() });
  return { broken: found, lost, movements: audited.movements };
}
