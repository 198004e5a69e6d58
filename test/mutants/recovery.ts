/** Bugs where an epoch begins or a partition is rebuilt. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const workers = testIn("workers");
const postgres = testIn("postgres");

export const RECOVERY_BUGS: readonly Mutant[] = [
  {
    bug: "a Redis that is behind the ledger begins an epoch",
    file: "lua/partition/begin.lua",
    find: 'if tonumber(meta.seq or "0") < known_seq or is_older or has_lost then',
    replace: "if is_older or has_lost then",
    by: redis("guard", "behind the ledger is fenced by a process that never knew it"),
  },
  {
    bug: "a partition whose meta is damaged is opened",
    file: "lua/partition/begin.lua",
    find: "elseif meta.is_damaged then",
    replace: "elseif false then",
    by: redis("damaged-meta", "is fenced by who comes to it, with no script that fails"),
  },
  {
    bug: "what was sold between two epochs may be lost unnoticed",
    file: "lua/partition/begin.lua",
    find: 'if tonumber(meta.seq or "0") < known_seq or is_older or has_lost then',
    replace: 'if tonumber(meta.seq or "0") < known_seq or is_older then',
    by: redis("guard", "and went on in a later epoch is fenced by a process that was told more"),
  },
  {
    bug: "the cursor of another store's ledger is taken for ours",
    file: "lua/journal/settle.lua",
    find: "if meta.storeId ~= store_id or meta.fence then",
    replace: "if meta.fence then",
    // Nothing else sees it surely: whoever reads a journal refuses another store before it settles.
    by: redis("scripts", "settle produced each word that its header promises"),
  },
  {
    bug: "two epochs have one number",
    file: "src/postgres/statements/take-epoch.sql",
    find: "SET epoch = greatest(partitions.epoch, $2::bigint) + 1",
    replace: "SET epoch = greatest(partitions.epoch, $2::bigint, 1)",
    by: postgres("epochs", "ten processes that begin at once are given ten numbers"),
  },
  {
    bug: "two workers rebuild one partition at once",
    file: "lua/partition/claim.lua",
    find: "elseif claim and claim.token ~= token and claim.until_ms > now_ms() then",
    replace: "elseif claim and claim.token == nil then",
    by: redis(
      "rebuild",
      "a partition that one rebuilds is not taken by another until its claim has run out",
    ),
  },
  {
    bug: "a rebuild throws away what the journal still has",
    file: "src/workers/rebuild.ts",
    find: "const { cursor, gap } = await drainRest(partition, start, use);",
    replace: "const { cursor, gap } = { cursor: start, gap: null } as Followed;",
    by: workers("rebuild", "drains what the journal still has, and loses none of it"),
  },
  {
    bug: "a rebuild does not say what is missing",
    file: "src/workers/rebuild.ts",
    find: "return highest > cursor.seq ? { from: cursor.seq + 1, to: highest } : null;",
    replace: "return highest < 0 ? { from: cursor.seq + 1, to: highest } : null;",
    by: workers("rebuild", "waits where the journal does not follow the ledger"),
  },
  {
    bug: "a rebuild writes over what was appended meanwhile",
    file: "src/postgres/statements/seal-epoch.sql",
    find: "AND cursor_seq = $3\n",
    replace: "AND $3::bigint >= 0\n",
    by: workers(
      "rebuild-races",
      "is not sealed but where the ledger stands: what came meanwhile is not written over",
    ),
  },
  {
    bug: "a rebuild forgets the live holds",
    file: "src/postgres/statements/copy-holds.sql",
    find: "WHERE status = 'ACTIVE' OR \"livesMs\" > 0",
    replace: 'WHERE "livesMs" > 0',
    by: workers("rebuild", "of a Redis that lost everything writes every key as it was"),
  },
  {
    bug: "holds that came due during a rebuild never expire",
    file: "lua/partition/reopen.lua",
    find: "    swept = math.min(swept, tonumber(first_due) - 1)\n",
    replace: "",
    by: workers("rebuild", "of a hold that fell due meanwhile leaves it to expiry, at once"),
  },
  {
    bug: "a rebuild forgets what was sold some hours ago",
    file: "src/postgres/statements/copy-holds.sql",
    find: "interval '26 hours'",
    replace: "interval '1 hour'",
    by: workers("rebuild-hours", "an order that was sold"),
  },
  {
    bug: "a rebuild forgets Idempotency-Keys of some hours ago",
    file: "src/postgres/statements/copy-operations.sql",
    find: "AND at > now() - ($2::bigint - 1000) *",
    replace: "AND at > now() - least($2::bigint - 1000, 600000) *",
    by: workers("rebuild-hours", "an Idempotency-Key of"),
  },
  {
    bug: "an epoch is sealed though another server is in use",
    file: "src/postgres/statements/seal-epoch.sql",
    find: "AND used.seen_at > now() - $5::integer * interval '1 millisecond'",
    replace: "AND used.seen_at > now() + $5::integer * interval '1 hour'",
    by: postgres("epochs", "an epoch is not sealed while another server is in use"),
  },
  {
    bug: "a change from before a rebuild counts as in the ledger by a later one beside it",
    file: "src/redis/durability.ts",
    find: "const name = `${receipt.partition} ${receipt.epoch}`;",
    replace: "const name = `${receipt.partition}`;",
    by: redis(
      "durability",
      "is not claimed of what came before a rebuild, though a later change stands beside it",
    ),
  },
];
