/** Bugs where an epoch begins or a partition is rebuilt. */
import { testsIn, type Mutant } from "./mutant.ts";

const redis = testsIn("redis");
const workers = testsIn("workers");
const postgres = testsIn("postgres");

export const RECOVERY_BUGS: readonly Mutant[] = [
  {
    bug: "a Redis that is behind the ledger begins an epoch",
    file: "lua/partition/begin.lua",
    find: "elseif seq < known_seq or is_older or has_lost then",
    replace: "elseif is_older or has_lost then",
    asks: redis("guard"),
  },
  {
    bug: "what was sold between two epochs may be lost unnoticed",
    file: "lua/partition/begin.lua",
    find: "elseif seq < known_seq or is_older or has_lost then",
    replace: "elseif seq < known_seq or is_older then",
    asks: redis("guard"),
  },
  {
    bug: "the cursor of another store's ledger is taken for ours",
    file: "lua/journal/settle.lua",
    find: "if meta[1] ~= store_id or meta[2] then",
    replace: "if meta[2] then",
    asks: redis("scripts"),
  },
  {
    bug: "two epochs have one number",
    file: "src/postgres/statements/take-epoch.sql",
    find: "SET epoch = greatest(partitions.epoch, $2::bigint) + 1",
    replace: "SET epoch = greatest(partitions.epoch, $2::bigint, 1)",
    asks: postgres("epochs"),
  },
  {
    bug: "two workers rebuild one partition at once",
    file: "lua/partition/claim.lua",
    find: "elseif claim and claim.token ~= token and claim.until_ms > now_ms() then",
    replace: "elseif claim and claim.token == nil then",
    asks: redis("rebuild"),
  },
  {
    bug: "a rebuild throws away what the journal still has",
    file: "src/workers/rebuild.ts",
    find: "const { cursor, gap } = await drainRest(partition, start, use);",
    replace: "const { cursor, gap } = { cursor: start, gap: null } as Followed;",
    asks: workers("rebuild"),
  },
  {
    bug: "a rebuild does not say what is missing",
    file: "src/workers/rebuild.ts",
    find: "return highest > cursor.seq ? { from: cursor.seq + 1, to: highest } : null;",
    replace: "return highest < 0 ? { from: cursor.seq + 1, to: highest } : null;",
    asks: workers("rebuild"),
  },
  {
    bug: "a rebuild writes over what was appended meanwhile",
    file: "src/postgres/statements/seal-epoch.sql",
    find: "AND cursor_seq = $3\n",
    replace: "AND $3::bigint >= 0\n",
    asks: [...workers("rebuild-races", "rebuild"), ...postgres("epochs")],
  },
  {
    bug: "a rebuild forgets the live holds",
    file: "src/postgres/statements/copy-holds.sql",
    find: "WHERE status = 'ACTIVE' OR \"livesMs\" > 0",
    replace: 'WHERE "livesMs" > 0',
    asks: workers("rebuild"),
  },
  {
    bug: "holds that came due during a rebuild never expire",
    file: "lua/partition/reopen.lua",
    find: "    swept = math.min(swept, tonumber(first_due) - 1)\n",
    replace: "",
    asks: workers("rebuild"),
  },
  {
    bug: "a rebuild forgets what was sold some hours ago",
    file: "src/postgres/statements/copy-holds.sql",
    find: "interval '26 hours'",
    replace: "interval '1 hour'",
    asks: workers("rebuild-hours"),
  },
  {
    bug: "a rebuild forgets Idempotency-Keys of some hours ago",
    file: "src/postgres/statements/copy-operations.sql",
    find: "AND at > now() - ($2::bigint - 1000) *",
    replace: "AND at > now() - least($2::bigint - 1000, 600000) *",
    asks: workers("rebuild-hours"),
  },
  {
    bug: "an epoch is sealed though another server is in use",
    file: "src/postgres/statements/seal-epoch.sql",
    find: "AND used.seen_at > now() - $5::integer * interval '1 millisecond'",
    replace: "AND used.seen_at > now() + $5::integer * interval '1 hour'",
    asks: postgres("epochs"),
  },
  {
    bug: "a change from before a rebuild counts as in the ledger by a later one beside it",
    file: "src/redis/durability.ts",
    find: "const name = `${receipt.partition} ${receipt.epoch}`;",
    replace: "const name = `${receipt.partition}`;",
    asks: redis("durability"),
  },
];
