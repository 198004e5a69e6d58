/**
 * The disk of Redis is full. With `appendfsync always` Redis does not refuse writes then, it ends:
 * what it could not write, it has not answered. So it is away until there is room, however often
 * it is started.
 */
import { afterAll, expect, test } from "bun:test";
import type { Acknowledged } from "#test/audit";
import { filesThatMayNotGrow, smallFileSystem, type FullDisk } from "#test/disks";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { survive, type Survived } from "#test/outage";
import { counted } from "#test/scale";
import { isRunning } from "#test/service";
import { spreadOf } from "#test/spread";
import { until } from "#test/until";

const TIMES = counted(1, 10);
const DEADLINE_MS = 2_000;
const OUTAGE_MS = 2_000;
const ENDED_MS_MAX = 10_000;
const TEST_MS_MAX = counted(60_000, 60 * 60_000);

const fileSystem = smallFileSystem();
/** The second one where it may be mounted: as root, outside most containers. */
const WAYS: [name: string, disk: FullDisk][] = [["its files may not grow", filesThatMayNotGrow()]];
if (fileSystem) WAYS.push(["its file system is full", fileSystem]);

afterAll(() => {
  for (const [, disk] of WAYS) disk.remove();
});

const untilEnded = (pid: number): Promise<unknown> =>
  until(() => !isRunning(pid), { withinMs: ENDED_MS_MAX, what: "Redis has ended" });

/** Started without room it reads its data, and ends at the first change: the begin of an epoch. */
async function startInVain({ redis }: Installation): Promise<void> {
  await redis.restart().catch((error: unknown) => {
    expect(String(error)).toContain("Redis did not start");
  });
  await untilEnded(redis.pid);
}

test.each(WAYS)(
  "Redis has no room to write, %s: every change is refused in time, nothing acknowledged is lost",
  async (name, disk) => {
    const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
    await using all = await startInstallation({ redis: disk.redis, api: () => ({ env }) });
    const acknowledged: Acknowledged[] = [];
    const seen: Survived[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const survived = await survive(
        all,
        {
          begin: async () => {
            disk.fill(all.redis);
            await untilEnded(all.redis.pid);
          },
          meanwhile: () => startInVain(all),
          end: async () => {
            disk.free();
            await all.redis.restart();
          },
          expected: () => "refused",
          codes: ["redis_unavailable", "outcome_unknown"],
          deadlineMs: DEADLINE_MS,
          lastsMsMin: OUTAGE_MS,
        },
        acknowledged,
      );
      seen.push(survived);
    }
    const recovered = spreadOf(seen.map(({ recoveredMs }) => recoveredMs));
    evidence(
      "Redis has no room to write: refused in time, nothing acknowledged is lost",
      {
        way: name,
        times: seen.length,
        "refused with 503": seen.reduce((sum, { refused }) => sum + refused, 0),
        "unknown with 504": seen.reduce((sum, { unknown }) => sum + unknown, 0),
        "served again (ms, p50)": recovered.p50,
        "served again (ms, max)": recovered.max,
      },
      { trials: seen.length },
    );
  },
  TEST_MS_MAX,
);
