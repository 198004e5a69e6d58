/** `start api --workers N`: a process that starts N others on one port, and those that ended again. */
import type { Place } from "#compose/api";
import { contractsOf, namesOf } from "#compose/contracts";
import { createQuestions, Report, type Order } from "#compose/crew";
import { mustBeFree, portOf } from "#compose/port";
import { Refusal } from "#compose/refusal";
import { limitsText } from "#compose/request-limits";
import { openServers } from "#compose/servers";
import { readTexts, type Config, type Texts } from "#config";
import { deathSignalPrefix } from "#embedded/child";
import { createLog, type Log } from "#lib/log";
import { createMetricsTogether, type Counts } from "#lib/metrics-together";
import { createShutdown, type Shutdown } from "#lib/shutdown";
import { CONNECTIONS_MAX } from "#postgres/client";

/** Connections to PostgreSQL for reads: all processes together, and the least of each. */
const SHARED_CONNECTIONS_MAX = 48;
const SHARED_CONNECTIONS_MIN = 2;
/** The pause before a process is started again; it doubles while none stays. */
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 10_000;
/** Who has lived for so long stays: the next pause is the shortest again. */
const STEADY_MS = 60_000;
const CALL_EVERY_MS = 1_000;
/** Who leaves so many calls unanswered is stuck, and its callers would wait for nothing. */
const CALLS_UNANSWERED_MAX = 5;
/** Who has not said by then what it counted is left out. */
const COUNT_MS_MAX = 1_000;
/** Each process ends by itself within its grace, and says what it cut off. */
const GRACE_MARGIN_MS = 1_000;

/** Serves until it is told to stop; every process it started has ended then. */
export async function runForeman(config: Config, count: number): Promise<void> {
  const startedAt = performance.now();
  mustShare();
  const contracts = contractsOf(config);
  // Before anything is opened: what is refused must have begun nothing.
  mustBeFree(portOf(config, "api"));
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const shutdown = createShutdown({
    log,
    graceMs: config.shutdownGraceMs + GRACE_MARGIN_MS,
    exit: (code) => {
      crew.kill();
      process.exit(code);
    },
  });
  const crew = createCrew({ count, log, shutdown });
  shutdown.arm();
  for (const warning of config.warnings) log.warn("configuration", warning);
  const texts = readTexts();
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  shutdown.add("invitation", () => servers.withdraw());
  shutdown.add("processes", () => crew.stop());
  shutdown.add("servers", () => servers.stop());
  void servers.lost.then((reason) => shutdown.stop(reason, 1));
  const { redisUrl, databaseUrl } = servers;
  const { url } = await crew.start({ ...texts, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl });
  log.info(`Redis       ${servers.description.redis}`);
  log.info(`PostgreSQL  ${servers.description.postgres}`);
  const limits = limitsText(config);
  if (limits !== null) log.info(`limits      ${limits}`);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const words = `role api, ${count} processes, contracts ${namesOf(contracts)}`;
  log.info(`serving     ${words} on ${url} (after ${seconds} s)`);
  if (!config.production) log.info("a token:    bun run token --role admin");
}

function mustShare(): void {
  if (process.platform === "linux") return;
  throw new Refusal("--workers needs Linux, whose kernel spreads connections over processes");
}

interface Member {
  readonly number: number;
  readonly child: Bun.Subprocess;
  readonly launchedAt: number;
  isServing: boolean;
  /** Calls since it last said that it is here. */
  unanswered: number;
}

interface CrewOptions {
  readonly count: number;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

interface Crew {
  /** Starts all, and answers where they serve; one that cannot start stops the foreman. */
  start(settings: Texts): Promise<Place>;
  stop(): Promise<void>;
  /** At once, for who ends without a stop. */
  kill(): void;
}

function createCrew({ count, log, shutdown }: CrewOptions): Crew {
  const members = new Map<number, Member>();
  const together = createMetricsTogether();
  const questions = createQuestions<Counts>(COUNT_MS_MAX);
  const pauses = createPauses();
  const prefix = deathSignalPrefix("SIGKILL") ?? [];
  let settings: Texts = {};
  let isComplete = false;
  let worstCode = 0;

  const launch = (number: number, sharing: "first" | "further"): Promise<Place> => {
    const place = Promise.withResolvers<Place>();
    const main = [process.execPath, Bun.main, "start", "api", "--process", `${number}`];
    const child = Bun.spawn([...prefix, ...main], {
      stdio: ["ignore", "inherit", "inherit"],
      // A session of its own: Ctrl-C in a terminal reaches the foreman alone, which says stop.
      detached: true,
      ipc: (message) => take(member, Report.parse(message), place.resolve),
    });
    const launchedAt = performance.now();
    const member: Member = { number, child, launchedAt, isServing: false, unanswered: 0 };
    members.set(number, member);
    const connectionsMax = connectionsOf(count);
    tell(member, {
      kind: "begin",
      settings: settingsOf(settings, number),
      sharing,
      connectionsMax,
    });
    void child.exited.then((code) => ended(member, code));
    return place.promise;
  };
  const ended = ({ number, launchedAt }: Member, exitCode: number): void => {
    members.delete(number);
    together.ended(number);
    if (shutdown.stopping()) worstCode = Math.max(worstCode, exitCode);
    else if (isComplete) startAgain(number, exitCode, performance.now() - launchedAt);
    // It has said why.
    else void shutdown.stop(`process ${number} did not start`, 1);
  };
  const startAgain = (number: number, exitCode: number, livedMs: number): void => {
    const pauseMs = pauses.next(number, livedMs);
    log.error("a process ended and is started again", { process: number, exitCode, pauseMs });
    const again = async (): Promise<void> => {
      if (shutdown.stopping()) return;
      await launch(number, "further");
      log.info("a process serves again", { process: number });
    };
    setTimeout(() => void again(), pauseMs);
  };
  const take = (member: Member, report: Report, serves: (place: Place) => void): void => {
    switch (report.kind) {
      case "serving":
        member.isServing = true;
        return serves(report);
      case "here":
        member.unanswered = 0;
        return;
      case "counted":
        return questions.answer(report.question, report.counts);
      case "total":
        return void total(member, report.question);
    }
  };
  const total = async (asker: Member, question: number): Promise<void> => {
    const answered = new Set<number>();
    const countIn = async (member: Member): Promise<void> => {
      const send = (id: number): void => tell(member, { kind: "count", question: id });
      const counts = await questions.ask(send);
      if (counts === null || members.get(member.number) !== member) return;
      together.told(member.number, counts);
      answered.add(member.number);
    };
    await Promise.all([...members.values()].filter(({ isServing }) => isServing).map(countIn));
    tell(asker, { kind: "total", question, ...(await together.render(answered)) });
  };
  const callAll = (): void => {
    for (const member of members.values()) {
      if (!member.isServing) continue;
      if (member.unanswered === CALLS_UNANSWERED_MAX) {
        log.error("a process answers nothing and is killed", { process: member.number });
        member.child.kill("SIGKILL");
      }
      member.unanswered += 1;
      tell(member, { kind: "call" });
    }
  };
  const calls = setInterval(callAll, CALL_EVERY_MS);
  return {
    async start(texts) {
      settings = texts;
      // The first one alone: it migrates, it makes samples, and what is wrong is said once.
      const place = await launch(1, "first");
      // Theirs is the port that was found; it may be that of a worker, which none of them is.
      settings = { ...texts, PORT: `${place.port}`, WORKER_PORT: "0" };
      const others = Array.from({ length: count - 1 }, (_, i) => launch(i + 2, "further"));
      await Promise.all(others);
      isComplete = true;
      return place;
    },
    async stop() {
      clearInterval(calls);
      const all = [...members.values()];
      for (const member of all) tell(member, { kind: "stop", reason: "the foreman stops" });
      await Promise.all(all.map(({ child }) => child.exited));
      if (worstCode > 0) void shutdown.stop("a process did not end well", worstCode);
    },
    kill() {
      for (const { child } of members.values()) child.kill("SIGKILL");
    },
  };
}

function tell({ child }: Member, order: Order): void {
  try {
    child.send(order);
  } catch {
    // It has just ended.
  }
}

/** What is to be done once, samples and the service registry, is for the first and its successors. */
function settingsOf(texts: Texts, number: number): Record<string, string> {
  const { EUREKA_URL: _, ...others } = texts;
  const own = number === 1 ? texts : { ...others, SAMPLE_DATA: "0" };
  return Object.fromEntries(Object.entries(own));
}

function connectionsOf(count: number): number {
  const share = Math.floor(SHARED_CONNECTIONS_MAX / count);
  return Math.min(CONNECTIONS_MAX, Math.max(SHARED_CONNECTIONS_MIN, share));
}

function createPauses() {
  const pauses = new Map<number, number>();
  return {
    /** Each process its own, so that one which cannot start is not waited for by another. */
    next(number: number, livedMs: number): number {
      const known = livedMs > STEADY_MS ? undefined : pauses.get(number);
      const pauseMs = known ?? PAUSE_MS_MIN;
      pauses.set(number, Math.min(pauseMs * 2, PAUSE_MS_MAX));
      // Not all at the same moment, where one cause ended several.
      return Math.round(pauseMs * (0.5 + Math.random() / 2));
    },
  };
}
