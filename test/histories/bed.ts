/**
 * An installation of two processes that answer, behind lines that misbehave while a history is
 * recorded: requests and answers are lost, late or doubled, and a Redis whose clock jumps ahead.
 */
import { z } from "zod";
import {
  Caller,
  inventoryIn,
  inventoryOf,
  reservationIn,
  type Answer,
  type Request,
} from "#test/caller";
import { falseClock } from "#test/false-clock";
import { startFaultyProxy, type Fault, type FaultyProxy } from "#test/faulty-proxy";
import { Random } from "#test/random";
import { isStockCall, redisWire } from "#test/redis-proxy";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { requestsOf } from "#test/wire-units";
import { JumpingClock } from "./jumping-clock";
import { initialState, LIFE_SECONDS_MAX, type State, type Terms } from "./state";
import type { Recorder } from "./recorder";

const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });
/** Also by a clock that jumped. */
const OPEN_MS = 30 * 86_400_000;
const DELAY_MS_MAX = 25;
/** Most of what is late comes before its history is over, and the rest then. */
const LATE_MS_MAX = 400;
const SETTINGS = {
  /** Below the time after which a silent connection is given up, so that some hear "unknown". */
  REQUEST_DEADLINE_MS: "1200",
  RESERVATION_MINUTES: "1",
  RESERVATION_MINUTES_MAX: String(LIFE_SECONDS_MAX / 60),
};

/** How often what happens to a request, in a thousand. */
type Weights = Readonly<Record<Fault | "pass", number>>;
const TO_API: Weights = {
  pass: 830,
  delay: 60,
  lose: 30,
  half: 15,
  drop: 15,
  hold: 25,
  copy: 25,
  silence: 0,
};
/**
 * Between API and Redis, where each lost connection costs everybody some time. No connection doubles
 * what it was given: what comes twice was sent twice, because the first one (held) seemed lost.
 */
const TO_REDIS: Weights = {
  pass: 956,
  delay: 20,
  lose: 6,
  half: 2,
  drop: 4,
  hold: 12,
  copy: 0,
  silence: 0,
};

/** What is killed while a history is recorded. */
export type Victim = "api" | "redis";

export interface Made {
  readonly initial: State;
  /** Of the campaign that has units aside; null: there is none. */
  readonly campaign: string | null;
}

export interface Bed extends AsyncDisposable {
  readonly clock: JumpingClock;
  /** A token of an administrator. */
  readonly token: string;
  /** Of the processes, each behind its line. */
  readonly urls: readonly string[];
  /** By line: what happened to requests. */
  readonly faults: () => Readonly<Record<string, number>>;
  /** Makes a product with so many units, over a line that is calm. */
  readonly make: (productId: string, units: number, terms?: Terms) => Promise<Made>;
  /** Ends what stands beside products: there are so many limits and campaigns and no more. */
  readonly unmake: (productId: string, made: Made) => Promise<void>;
  /** While it runs, the lines misbehave as `random` says; at the end all arrives that was late. */
  readonly during: (
    recorder: Recorder,
    random: Random,
    run: () => Promise<unknown>,
  ) => Promise<void>;
  /** SIGKILL; settles when it is up again, of a process not before the next one is killed. */
  readonly kill: (victim: Victim) => Promise<void>;
  /** Settles when all are up. */
  readonly whole: () => Promise<void>;
}

export async function startBed(): Promise<Bed> {
  await using stack = new AsyncDisposableStack();
  const redisClock = await falseClock();
  const redis = stack.use(await startRedis(redisClock.redis));
  const database = stack.use(await testDatabase());
  /** Of the history that is recorded; null: the lines are calm. */
  const line: { recorder: Recorder | null; random: Random } = {
    recorder: null,
    random: new Random(0),
  };
  const lateness = {
    delayMs: () => line.random.whole(1, DELAY_MS_MAX),
    lateMs: () => line.random.whole(1, LATE_MS_MAX),
  };
  const toRedis = stack.use(
    await startFaultyProxy({
      ...redisWire(redis.url),
      ...lateness,
      choose: (command) =>
        line.recorder && isStockCall(command) ? drawn(line.random, TO_REDIS) : "pass",
    }),
  );
  const lineTo = async ({ url }: Service): Promise<FaultyProxy> =>
    stack.use(
      await startFaultyProxy({
        url,
        unitsOf: requestsOf,
        alone: (request) => request.toString(),
        ...lateness,
        choose: (request) => (line.recorder ? chosen(line.random, request, line.recorder) : "pass"),
      }),
    );
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const startApi = async (): Promise<Service> => {
    const to = { ...servers, redisUrl: toRedis.url };
    return stack.use(await startService({ ...to, role: "api", env: SETTINGS }));
  };
  const first = await startApi();
  const startWorker = async () => stack.use(await startService({ ...servers, role: "worker" }));
  const starting = [startApi(), startWorker()] as const;
  // What starts while another one fails is ended with the rest.
  await Promise.allSettled(starting);
  const [second] = await Promise.all(starting);
  const apis = [first, second];
  const lines: FaultyProxy[] = [];
  for (const api of apis) lines.push(await lineTo(api));
  const token = await tokenOf("admin", "administrator");
  let restarting = Promise.resolve();
  let killed: Service | null = null;
  const whole = (): Promise<void> => restarting;
  stack.defer(whole);
  // From here on its caller ends it.
  const started = stack.move();
  return {
    clock: new JumpingClock(redisClock),
    token,
    urls: lines.map(({ url }) => url.replace(/\/$/, "")),
    faults: () => ({ ...told("redis", [toRedis]), ...told("http", lines) }),
    async make(productId, units, terms = {}) {
      const { fence = 0, limit = null } = terms;
      const ask = calmly(token, productId, (apis.find((api) => api !== killed) ?? first).url);
      const body = { productId, sku: productId, initialStock: units };
      const made = await ask("POST", "/initialize", body);
      if (limit !== null) {
        await ask("PUT", `/limits/${productId}`, { products: [productId], maxUnits: limit });
      }
      const campaign = fence === 0 ? null : await openCampaign(ask, productId, fence);
      const { version } =
        fence === 0 ? inventoryIn(made) : inventoryOf(await ask("GET", `/product/${productId}`));
      return { initial: initialState(units, version, terms), campaign };
    },
    async unmake(productId, { initial: { limit }, campaign }) {
      const ask = calmly(token, productId, (apis.find((api) => api !== killed) ?? first).url);
      if (limit !== null) await ask("DELETE", `/limits/${productId}`);
      if (campaign !== null) await ask("POST", `/campaigns/${campaign}/stop`, {});
    },
    async during(recorder, random, run) {
      Object.assign(line, { recorder, random });
      await run().finally(() => (line.recorder = null));
      await Promise.all([toRedis, ...lines].map((one) => one.release()));
    },
    async kill(victim) {
      await whole();
      if (victim === "redis") {
        await redis.kill();
        return redis.restart();
      }
      const api = line.random.pick(apis);
      killed = api;
      await api.kill();
      // Histories go on with the other one meanwhile.
      restarting = api.restart().then(() => void (killed = null));
    },
    whole,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

type Ask = (method: Request["method"], path: string, body?: object) => Promise<Answer>;

/** Asks at that process, each thing under a name of its own, until it is done. */
function calmly(token: string, name: string, url: string): Ask {
  const caller = new Caller(url);
  return async (method, path, body) => {
    const request = { method, path, token, ...(body === undefined ? {} : { body }) };
    const key = `${name}-${path}`.replaceAll(/[^\w-]/g, "-");
    const answer = await caller.call(method === "GET" ? request : { ...request, key });
    if (answer.status < 300) return answer;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
}

/** A campaign that is open for longer than any history, with its units aside. */
async function openCampaign(ask: Ask, productId: string, quantity: number): Promise<string> {
  const now = Date.now();
  const planned = await ask("POST", "/campaigns", {
    name: productId,
    location: "default",
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + OPEN_MS).toISOString(),
    products: [{ productId, quantity }],
  });
  const { campaignId } = Planned.parse(planned.body).campaign;
  // Whoever asks first has it begun.
  const order = { orderId: `${productId}-first`, quantity: 1, campaign: campaignId };
  const held = await ask("POST", `/product/${productId}/reserve`, order);
  await ask("POST", `/reservation/${reservationIn(held).reservationId}/cancel`, {});
  return campaignId;
}

const drawn = (random: Random, weights: Weights): Fault | "pass" =>
  random.weighed<Fault | "pass">(weights, "pass");

/** A copy of what has no identity would be another operation, that nobody asked for. */
function chosen(random: Random, request: Buffer, recorder: Recorder): Fault | "pass" {
  const fault = drawn(random, TO_API);
  if (fault !== "copy") return fault;
  const head = request.toString();
  const requestId = /^x-request-id: (\S+)/im.exec(head)?.[1];
  if (requestId === undefined || !/^idempotency-key: /im.test(head)) return "pass";
  recorder.copied(requestId);
  return "copy";
}

function told(name: string, proxies: readonly FaultyProxy[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [fault, times] of proxies.flatMap(({ faults }) => [...faults])) {
    counts[`${name} ${fault}`] = (counts[`${name} ${fault}`] ?? 0) + times;
  }
  return counts;
}
