/**
 * Names the level of durability in the answer to a change, and waits where more was asked for than
 * Redis's answer is by itself. Where nobody asked for more, that is one word in the answer.
 */
import type { EdgeContext } from "#http/env";
import {
  DURABILITY_LEVELS,
  isAbove,
  type Durability,
  type DurabilityLevel,
} from "#inventory/durability";

/** Longer ones are nobody's honest preferences. */
const PREFER_LENGTH_MAX = 256;

/** RFC 9110: a token, and a text in quotes. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
/** RFC 7240 §2: a preference, its value if any, and its parameters up to the next comma. */
const PREFERENCE = new RegExp(
  `[\\s,]*(${TOKEN})(?:\\s*=\\s*(${TOKEN}|${QUOTED}))?((?:[^",]|${QUOTED})*)(?:,|$)`,
  "y",
);

/**
 * The level that a `Prefer` header asks for. As RFC 7240 wants it, the first `durability` counts,
 * and what is unknown or cannot be read is as if it were not there: then null.
 */
export function preferredLevel(header: string): DurabilityLevel | null {
  if (header.length > PREFER_LENGTH_MAX) return null;
  PREFERENCE.lastIndex = 0;
  for (let found = PREFERENCE.exec(header); found; found = PREFERENCE.exec(header)) {
    const [, name = "", value = ""] = found;
    if (name.toLowerCase() !== "durability") continue;
    const text = value.startsWith('"') ? value.slice(1, -1) : value;
    return DURABILITY_LEVELS.find((level) => level === text) ?? null;
  }
  return null;
}

/** What the edge does with the routes that change something. */
export interface DurabilityEdge {
  /** Before the route: notes what is asked for. */
  ask(c: EdgeContext): void;
  /** After it: waits for what was asked for, and names what was reached. */
  answer(c: EdgeContext): Promise<void>;
}

/** The part of the edge that knows of levels. */
export function createDurabilityEdge(durability: Durability): DurabilityEdge {
  const { floor, base } = durability;
  const least = isAbove(floor, "disk") ? floor : null;
  return {
    ask(c) {
      const state = c.get("request");
      state.level = base;
      const prefer = c.req.header("prefer");
      const preferred = prefer === undefined ? null : preferredLevel(prefer);
      if (preferred === null && least === null) return;
      const isMore = preferred !== null && isAbove(preferred, least ?? "disk");
      const wanted = isMore ? preferred : least;
      state.asked = { preferred, wanted, receipts: [] };
    },
    async answer(c) {
      const { asked, deadline } = c.get("request");
      if (asked === null || c.res.status >= 300) return;
      const { preferred, wanted, receipts } = asked;
      const reached = wanted === null ? base() : await durability.reach(wanted, receipts, deadline);
      c.res.headers.set("durability", reached);
      applied(c, preferred, reached);
    },
  };
}

/** Of routes that change PostgreSQL alone: the answer is its commit, and nothing more is waited for. */
export const LEDGER_EDGE: DurabilityEdge = {
  ask(c) {
    const state = c.get("request");
    state.level = () => "ledger";
    const preferred = preferredLevel(c.req.header("prefer") ?? "");
    if (preferred !== null) state.asked = { preferred, wanted: null, receipts: [] };
  },
  async answer(c) {
    const { asked } = c.get("request");
    if (asked !== null && c.res.status < 300) applied(c, asked.preferred, "ledger");
  },
};

function applied(
  c: EdgeContext,
  preferred: DurabilityLevel | null,
  reached: DurabilityLevel,
): void {
  if (preferred === null || isAbove(preferred, reached)) return;
  c.res.headers.set("preference-applied", `durability=${preferred}`);
}
