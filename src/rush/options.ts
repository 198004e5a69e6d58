/** The command line of `rush`. */
import { parseArgs } from "node:util";

const SHOPPERS = 10_000;
/** Each is a handful of requests; more would measure this machine's patience. */
const SHOPPERS_MAX = 100_000;
const UNITS = 500;
const UNITS_MAX = 100_000;
/** Within which all shoppers come. */
const SECONDS = 10;
const SECONDS_MAX = 600;
const SEED_MAX = 2 ** 31 - 1;

export const RUSH_HELP = `A storm to watch: thousands of shoppers want a few units of one product, all at once.

Usage:
  bun run rush [options]

Options:
  --shoppers N         how many come, 1-${SHOPPERS_MAX}                  (default: ${SHOPPERS})
  --units N            how many units there are, 1-${UNITS_MAX}        (default: ${UNITS})
  --seconds N          all of them come within so long, 1-${SECONDS_MAX}     (default: ${SECONDS})
  --url URL            the API           (default: http://localhost with PORT, which is 3003 if unset)
  --token-file FILE    a file with the token of an admin; without one it signs one as \`bun run token\`
                       does
  --seed N             the same shoppers in the same order                (default: by chance)
  --json               print the table as JSON, on one line; progress goes to stderr either way
  --against-production it is meant: needed with the settings of production, where the URL is not of
                       this machine, and with --token-file

It makes a product of its own (rush-…) and a campaign of all its units, and storms that over HTTP: plain
buyers, people who click twice, bots, people who wait in line, carts that are left to expire, payments that
come too late, changes of mind. Where no service runs on this machine it starts one (as \`bun run start\`
does) and ends it again. At the end it holds what shoppers were told against what the service wrote down,
sum by sum and hold by hold. Holds last a minute; the campaign ends a quarter of one before the last of
them, and what comes back then is offered to who waits in line, who goes home when all is sold: it takes
up to a minute and a half longer than --seconds. The product stays, with its stock sold or free and
every unit explained.

It exits with 0 when every sum agrees and nothing is oversold, with 1 when not, or when it could not
begin or was stopped, and with 2 when the command line cannot be understood; nothing was begun then.

Examples:
  bun run rush
  bun run rush --shoppers 1000 --units 50 --seconds 2
  bun run rush --seed 7 --json > rush.json
  bun run rush --url https://stock.example.com --token-file admin.jwt --against-production
`;

/** A command line that cannot be understood. */
export class RushUsageError extends Error {
  override readonly name = "RushUsageError";
}

export interface RushCommand {
  readonly shoppers: number;
  readonly units: number;
  readonly seconds: number;
  /** null: the service on this machine. */
  readonly url: string | null;
  readonly tokenFile: string | null;
  /** null: by chance. */
  readonly seed: number | null;
  readonly json: boolean;
  readonly againstProduction: boolean;
}

/** Throws RushUsageError, or what `parseArgs` throws. */
export function rushOptions(args: readonly string[]): RushCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      shoppers: { type: "string" },
      units: { type: "string" },
      seconds: { type: "string" },
      url: { type: "string" },
      "token-file": { type: "string" },
      seed: { type: "string" },
      json: { type: "boolean", default: false },
      "against-production": { type: "boolean", default: false },
    },
  });
  if (values["token-file"] === "") throw new RushUsageError("--token-file must name a file");
  return {
    shoppers: wholeOf("--shoppers", values.shoppers, 1, SHOPPERS_MAX) ?? SHOPPERS,
    units: wholeOf("--units", values.units, 1, UNITS_MAX) ?? UNITS,
    seconds: wholeOf("--seconds", values.seconds, 1, SECONDS_MAX) ?? SECONDS,
    url: urlOf(values.url),
    tokenFile: values["token-file"] ?? null,
    seed: wholeOf("--seed", values.seed, 0, SEED_MAX),
    json: values.json,
    againstProduction: values["against-production"],
  };
}

/** null where it is not given. */
function wholeOf(name: string, text: string | undefined, least: number, most: number) {
  if (text === undefined) return null;
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number >= least && number <= most) return number;
  const must = `must be a whole number from ${least} to ${most}`;
  throw new RushUsageError(`${name} ${must}, not ${JSON.stringify(text)}`);
}

/** A secret that every line about the URL would show. */
const hasUser = ({ username, password }: URL): boolean => username !== "" || password !== "";

function urlOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.parse(text);
  const isPlain = url !== null && url.search === "" && url.hash === "" && !hasUser(url);
  if (isPlain && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, "");
  throw new RushUsageError("--url must be an http or https URL");
}
