/** What is measured: which server, under which load, and what must be true afterwards. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PATHS } from "#http/paths";
import type { Bench, Installation } from "./servers.ts";
import { rivalStockKey } from "./rivals/redis.ts";
import { HOT, liveHolds, MANY, SOLD_OUT, unitsOf, zipf } from "./stock.ts";
import { underLoad, type Load } from "./wrk.ts";

/** The processes whose time is counted, besides wrk. */
export const PROCESSES = ["api", "worker", "redis", "postgres"] as const;
export type ProcessName = (typeof PROCESSES)[number];

export interface Target {
  readonly url: string;
  readonly pids: Readonly<Partial<Record<ProcessName, number>>>;
  /** Whose ledger has to catch up; null where there is none. */
  readonly installation: Installation | null;
}

export interface Variant {
  readonly name: string;
  readonly title: string;
  /** Which rival's pool is swept first, to give it the size with which it is fastest. */
  readonly pool?: "postgres" | "transaction";
  /** Measured at every number of connections, not at the first alone. */
  readonly isSwept: boolean;
  readonly kind: Load["kind"];
  /** The one status that every answer must have. */
  readonly status: 200 | 201 | 409;
  /** Pattern under which the service counts its answers; null where wrk alone counts. */
  readonly route: string | null;
  /** Products concerned; their counters are held against Redis and the ledger. */
  readonly products: readonly string[];
  readonly target: (bench: Bench, url: string) => Target;
  readonly load?: (bench: Bench, requestsMax: number) => Promise<readonly string[]>;
  /** A number that has to rise by one with each answer (by nothing with a refusal). */
  readonly units?: (bench: Bench) => Promise<number>;
}

/** Lines of a cart that is checked, and the products that all carts have together. */
export const CHECK_LINES = 100;
const CHECK_PRODUCTS = 1_000;
const CHECK_BODIES = 500;
/** Products in the order in which they are asked for. */
const DRAWS = 300_000;

const split = ({ split: at, postgresPid }: Bench): Target => ({
  url: at.url,
  pids: {
    api: at.apiPid,
    ...(at.workerPid === null ? {} : { worker: at.workerPid }),
    redis: at.redisPid,
    postgres: postgresPid,
  },
  installation: at,
});
/** The stores of `split` behind another API. */
const behind =
  (name: "workers" | "limited") =>
  (bench: Bench): Target => {
    const target = split(bench);
    const { url, pid } = bench[name];
    return { ...target, url, pids: { ...target.pids, api: pid } };
  };
const single = ({ single: at, postgresPid }: Bench): Target => ({
  url: at.url,
  pids: { api: at.apiPid, redis: at.redisPid, postgres: postgresPid },
  installation: at,
});
const echo = (bench: Bench): Target => ({
  url: bench.echo.url,
  pids: { api: bench.echo.pid },
  installation: null,
});
const inPostgres = ({ rivals, postgresPid }: Bench, url: string): Target => ({
  url,
  pids: { api: rivals.pid, postgres: postgresPid },
  installation: null,
});
const inRedis =
  (name: "script" | "job") =>
  ({ rivals }: Bench): Target => ({
    url: rivals.urls.get(name) ?? "",
    pids: { api: rivals.pid, redis: rivals.redisPid },
    installation: null,
  });

const reserved = async ({ split: at }: Bench, products: readonly string[]): Promise<number> =>
  (await unitsOf(at, products)).reserved;
const plainReserved = async ({ rivals: { sql } }: Bench): Promise<number> => {
  const [row] = await sql`
    SELECT (SELECT sum(reserved) FROM stock) AS units, (SELECT count(*) FROM holds) AS holds,
      (SELECT count(*) FROM stock_movements) AS movements
  `;
  const [units, holds, movements] = [row?.["units"], row?.["holds"], row?.["movements"]].map(
    Number,
  );
  if (units !== holds || holds !== movements) throw new Error("plain PostgreSQL does not add up");
  return units ?? Number.NaN;
};

const rivalReserved = async ({ rivals: { redis } }: Bench): Promise<number> =>
  Number(await redis.hget(rivalStockKey(HOT), "reserved"));

const reserve = { kind: "reserve", status: 201, route: PATHS.reserve } as const;
const one = { isSwept: false, products: [] } as const;

export const VARIANTS: readonly Variant[] = [
  {
    ...one,
    name: "echo",
    title: "JSON echo behind the same edge (token, limits, counters)",
    isSwept: true,
    kind: "echo",
    status: 201,
    route: null,
    target: echo,
  },
  {
    ...one,
    name: "echo-bare",
    title: "JSON echo of Hono alone",
    isSwept: true,
    kind: "echo",
    status: 201,
    route: null,
    target: (bench) => ({ ...echo(bench), url: bench.echo.bareUrl }),
  },
  {
    ...reserve,
    name: "reserve",
    title: "reserve, one hot product; api and worker apart",
    isSwept: true,
    products: [HOT],
    target: split,
    units: (bench) => reserved(bench, [HOT]),
  },
  {
    ...reserve,
    name: "reserve-limited",
    kind: "forwarded",
    title: "the same where customers and addresses have limits that refuse nobody",
    isSwept: true,
    products: [HOT],
    target: behind("limited"),
    units: (bench) => reserved(bench, [HOT]),
  },
  {
    ...reserve,
    name: "reserve-workers",
    title: "reserve, one hot product; two API processes on one port, worker apart",
    isSwept: true,
    products: [HOT],
    target: behind("workers"),
    units: (bench) => reserved(bench, [HOT]),
  },
  {
    ...reserve,
    name: "reserve-all",
    title: "reserve, one hot product; all in one process",
    isSwept: true,
    products: [HOT],
    target: single,
    units: async (bench) => (await unitsOf(bench.single, [HOT])).reserved,
  },
  {
    ...reserve,
    name: "postgres",
    title: "one statement of PostgreSQL a reserve, one hot product",
    isSwept: true,
    pool: "postgres",
    products: [HOT],
    target: inPostgres,
    units: plainReserved,
  },
  {
    ...reserve,
    name: "transaction",
    title: "one transaction of PostgreSQL a reserve, one hot product",
    isSwept: false,
    pool: "transaction",
    products: [HOT],
    target: inPostgres,
    units: plainReserved,
  },
  {
    ...reserve,
    name: "script",
    title: "one script call of Redis a reserve, one hot product; no ledger, nothing expires",
    isSwept: true,
    products: [HOT],
    target: inRedis("script"),
    units: rivalReserved,
  },
  {
    ...reserve,
    name: "job",
    title: "the same with a delayed job of BullMQ for each hold; no ledger",
    isSwept: false,
    products: [HOT],
    target: inRedis("job"),
    units: rivalReserved,
  },
  {
    ...reserve,
    name: "reserve-zipf",
    title: "reserve over 100 000 products, the n-th 1/n as often as the first",
    isSwept: true,
    products: MANY,
    target: split,
    load: () => Promise.resolve(zipf(MANY, DRAWS)),
    units: (bench) => reserved(bench, MANY),
  },
  {
    ...one,
    name: "confirm",
    title: "confirm of a hold",
    isSwept: true,
    kind: "confirm",
    status: 200,
    route: PATHS.confirm,
    products: [HOT, ...MANY],
    target: split,
    load: holdsFor,
    units: async (bench) => -(await unitsOf(bench.split, [HOT, ...MANY])).onHand,
  },
  {
    ...reserve,
    name: "sold-out",
    title: "reserve of a product that has nothing left (409)",
    isSwept: true,
    status: 409,
    products: [SOLD_OUT],
    target: split,
    units: (bench) => reserved(bench, [SOLD_OUT]),
  },
  {
    ...one,
    name: "check",
    title: "check-availability of 100 lines over 1 000 products",
    isSwept: true,
    kind: "check",
    status: 200,
    route: PATHS.checkAvailability,
    target: split,
    load: () => Promise.resolve(Array.from({ length: CHECK_BODIES }, checkBody)),
  },
  {
    ...one,
    name: "product",
    title: "product read, 100 000 products",
    isSwept: true,
    kind: "product",
    status: 200,
    route: PATHS.product,
    target: split,
    load: () => Promise.resolve(MANY),
  },
  {
    ...one,
    name: "health",
    title: "/health of the same process",
    kind: "health",
    status: 200,
    route: PATHS.health,
    target: split,
  },
];

/** The load of a variant, with the lists that wrk goes through written to files. */
export async function loadOf(
  variant: Variant,
  bench: Bench,
  requestsMax: number,
): Promise<Load & { readonly items: string }> {
  const lines = (await variant.load?.(bench, requestsMax)) ?? variant.products;
  const items = join(bench.folder, `${variant.name}.txt`);
  writeFileSync(items, `${(lines.length === 0 ? ["none"] : lines).join("\n")}\n`);
  const { customers, service } = bench.tokens;
  return { kind: variant.kind, tokens: variant.name === "confirm" ? service : customers, items };
}

/** Holds to confirm: as many as may be asked for, made first where there are fewer. */
async function holdsFor(bench: Bench, requestsMax: number): Promise<readonly string[]> {
  for (;;) {
    const ids = await liveHolds(bench.split, requestsMax);
    if (ids.length >= requestsMax) return ids;
    const items = join(bench.folder, "holds.txt");
    writeFileSync(items, `${HOT}\n`);
    const load = { kind: "reserve", tokens: bench.tokens.customers, items } as const;
    await underLoad(bench.split.url, load, { seconds: 2, connections: 128 });
  }
}

function checkBody(_: unknown, number: number): string {
  const items = Array.from({ length: CHECK_LINES }, (_line, index) => {
    const place = (number * 37 + index * 499) % CHECK_PRODUCTS;
    return { productId: MANY[place], quantity: 1 };
  });
  return JSON.stringify({ items });
}
