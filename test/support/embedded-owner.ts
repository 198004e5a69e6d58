/**
 * A process of its own that calls `startEmbedded`, for tests that kill it or change its PATH.
 * Argument: the data folder. Prints one line of JSON, then lives until its input ends.
 */
import { startEmbedded } from "#embedded/servers";

const said: string[] = [];
try {
  const servers = await startEmbedded({
    dataDir: Bun.argv[2] ?? "",
    redis: true,
    postgres: true,
    say: (line) => said.push(line),
  });
  const { redisUrl, databaseUrl, ownerPid, redisPid, postgresPid } = servers;
  console.log(JSON.stringify({ redisUrl, databaseUrl, ownerPid, redisPid, postgresPid, said }));
  await Bun.stdin.text();
  await servers.stop();
} catch (error) {
  console.log(JSON.stringify({ failure: error instanceof Error ? error.message : "?", said }));
}
