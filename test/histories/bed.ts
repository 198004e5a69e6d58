/**
 * An installation of two processes that answer, behind lines that misbehave while a history is
 * recorded: requests and answers are lost, late or doubled, and a Redis whose clock jumps ahead.
 */
import { Caller, inventoryIn } from "#test/caller";
import { falseClock } from "#test/false-clock";
import { startFaultyProxy, type Fault, type FaultyProxy } from "#test/faulty-proxy";
import { Random } from "#test/random";
import { isStockCall, redisWire } from "#test/redis-proxy";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { requestsOf } from "#test/wire-units";
import { JumpingClock } from "./jumping-clock";
import { initialState, LIFE_SECONDS_MAX, type State } from "./state";
import type { Recorder } from "./recorder";

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

export interface Bed extends AsyncDisposable {
  readonly clock: JumpingClock;
  /** A token of an administrator. */
  readonly token: string;
  /** Of the processes, each behind its line. */
  readonly urls: readonly string[];
  /** By line: what happened to requests. */
  readonly faults: () => Readonly<Record<string, number>>;
  /** Makes a product with so many units, over a line that is calm. */
  readonly make: (productId: string, units: number) => Promise<State>;
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
    async make(productId, units) {
      const { url } = apis.find((api) => api !== killed) ?? first;
      const body = { productId, sku: productId, initialStock: units };
      const request = { method: "POST", path: "/initialize", token, body } as const;
      const answer = await new Caller(url).call({ ...request, key: productId });
      return initialState(units, inventoryIn(answer).version);
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
