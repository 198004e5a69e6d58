/** Bugs in whose a campaign's units are, and in when they come and go. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const invariants = testIn("invariants");
const workers = testIn("workers");

export const CAMPAIGN_BUGS: readonly Mutant[] = [
  {
    bug: "a campaign's units are there for everybody",
    file: "lua/lib/stock.lua",
    find: "        level.is_idle, level.priority = true, PRIORITY_DEFAULT\n        product.idle = product.idle + on_hand - reserved\n",
    replace: "",
    by: redis("campaigns", "is not there for whoever names no campaign"),
  },
  {
    bug: "a start that is done again brings units again",
    file: "lua/campaign/turn.lua",
    find: 'if campaign.state == "scheduled" and not is_over',
    replace: 'if campaign.state ~= "closed" and not is_over',
    by: redis("campaigns", "comes once: a turn that is repeated moves nothing"),
  },
  {
    bug: "a campaign takes in the safety stock",
    file: "lua/lib/campaign-turns.lua",
    find: "math.max(0, math.min(level.on_hand - level.reserved, available(product)))",
    replace: "level.on_hand - level.reserved",
    by: redis("campaigns", "takes in what is free when the campaign starts, never what is held"),
  },
  {
    bug: "a campaign starts short though holds are due that nobody released",
    file: "lua/lib/campaign-turns.lua",
    find: "    if is_short and swept < math.floor(now / 1000) then\n",
    replace: "    if false then\n",
    by: redis("campaigns", "takes in what holds had that were due, though nobody released them"),
  },
  {
    bug: "a unit is had in the millisecond in which the campaign ends",
    file: "lua/lib/campaign-record.lua",
    find: "elseif campaign.ends <= moment then",
    replace: "elseif campaign.ends < moment then",
    by: redis("campaigns", "is refused from its last second on, though nobody did its end"),
  },
  {
    bug: "a reserve is refused where the start has come and nobody did it",
    file: "lua/lib/campaign-record.lua",
    find: 'return campaign.state == "scheduled" and "campaign_due" or nil',
    replace: "return nil",
    by: redis("campaigns", "is the first of it at its second, though nobody did its start"),
  },
  {
    bug: "an empty ring-fence stays in the record of its product",
    file: "lua/lib/campaigns.lua",
    find: "for _, lost in ipairs(lost_levels) do",
    replace: "for _, lost in ipairs({}) do",
    by: redis("campaigns", "brings back what nobody holds; what is held goes back"),
  },
  {
    bug: "a campaign's limit counts what its customer takes without it",
    file: "lua/lib/limits.lua",
    find: "local is_here = not rule.location or rule.location == location\n",
    replace: "local is_here = true\n",
    by: redis("campaign-limits", "counts nothing that is taken without it, and leaves that free"),
  },
  {
    bug: "a campaign's limit binds who takes of its product without it",
    file: "lua/lib/allowance.lua",
    find: "return not rule.location or rule.location == line.location\n",
    replace: "return true\n",
    by: redis("campaign-limits", "counts nothing that is taken without it, and leaves that free"),
  },
  {
    bug: "what a campaign sold never comes back to its limit",
    file: "lua/lib/limits.lua",
    find: "local is_its = not rule.campaign or rule.campaign == through\n",
    replace: "local is_its = not rule.campaign\n",
    by: redis(
      "campaign-limits",
      "gives back what is cancelled, expires, is replaced and comes back",
    ),
  },
  {
    bug: "what was sold without a campaign comes back to its limit",
    file: "lua/lib/limits.lua",
    find: "local is_its = not rule.campaign or rule.campaign == through\n",
    replace: "local is_its = true\n",
    by: redis(
      "campaign-limits",
      "gives back what is cancelled, expires, is replaced and comes back",
    ),
  },
  {
    bug: "what a campaign counted stays when it is stopped",
    file: "lua/campaign/stop.lua",
    find: "    forget_counts(campaign)\n",
    replace: "",
    by: redis(
      "campaign-limits",
      "leaves no key behind: it ends with the campaign, or where that is stopped",
    ),
  },
  {
    bug: "what a campaign counted stays for ever",
    file: "lua/lib/limit-rules.lua",
    find: "                rule.ends = limit.ends\n",
    replace: "",
    by: redis(
      "campaign-limits",
      "leaves no key behind: it ends with the campaign, or where that is stopped",
    ),
  },
  {
    bug: "a campaign's limit that is set on anew counts what was held before",
    file: "lua/campaign/schedule.lua",
    find: "        campaign.since = counts_from\n",
    replace: "        campaign.since = 0\n",
    by: redis("campaign-limits", "changes while it runs: a number goes on"),
  },
  {
    bug: "a campaign that runs may be planned anew beside its limit",
    file: "lua/campaign/schedule.lua",
    find: "or not changes_limit_alone(there, item)",
    replace: "or there.max_units == item.max_units",
    by: redis(
      "campaign-limits",
      "is all of it that changes while it runs, and nothing once it is over",
    ),
  },
  {
    bug: "a rebuild counts under a campaign's limit what was taken without it",
    file: "src/postgres/statements/limits.sql",
    find: "    WHERE created_at >= since AND coalesce(location = place, true)\n",
    replace: "    WHERE created_at >= since\n",
    by: workers("rebuild-campaign-limits", "counts what was held and bought through each campaign"),
  },
  {
    bug: "nobody compares what campaigns count",
    file: "src/workers/reconcile/named-limits.ts",
    find: "      for (const rule of campaigns.flatMap(ofCampaign)) {\n",
    replace: "      for (const rule of campaigns.flatMap(ofCampaign).slice(0, 0)) {\n",
    by: workers("reconcile-campaign-limits", "a count that changed"),
  },
  {
    bug: "no worker brings back what is left of a campaign",
    file: "src/workers/expire.ts",
    find: "    await this.#options.store.campaigns.turnDue(partition);\n",
    replace: "",
    by: invariants("campaigns", "from its end on nobody gets a unit"),
  },
  {
    bug: "a hold with a line in a ring-fence that is gone never ends",
    file: "lua/stock/expire.lua",
    find: "if not product or reserved < line.held then",
    replace: "if not level or reserved < line.held then",
    by: redis(
      "campaign-ends",
      "a cart ends on time though the ring-fence of what it gave back is gone",
    ),
  },
  {
    bug: "one campaign that cannot be read keeps all others from their turn",
    file: "src/redis/campaigns.ts",
    find: "    } catch {\n      return [];\n",
    replace: "    } catch (error) {\n      throw error;\n",
    by: redis("campaign-ends", "a campaign whose record nobody can read keeps no other"),
  },
  {
    bug: "a count makes units of what stands aside for a campaign",
    file: "lua/stock/count.lua",
    find: "local units = item.units - units_aside(product, location)",
    replace: "local units = item.units",
    by: redis("count", "counts what stands aside there for a campaign, and makes no units of it"),
  },
  {
    bug: "a count of an earlier instant expects nothing of what stood aside then",
    file: "src/postgres/statements/levels-since.sql",
    find: "    AND (levels.location = asked.location OR starts_with(levels.location, asked.location || '~'))\n",
    replace: "    AND levels.location = asked.location\n",
    by: invariants("counts", "is of what stands aside there for a campaign too"),
  },
];
