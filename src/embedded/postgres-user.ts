import { run } from "#embedded/run";
import { EmbeddedFailure, OTHER_WAYS } from "#embedded/failure";

/** Debian's nobody and nogroup: ids that own nothing. */
const NOBODY = "65534";
const PROBE_MS_MAX = 5_000;

/** Under which identity PostgreSQL runs; it refuses to run as root. */
export interface PostgresUser {
  /** Part of the data folder's name: another way leaves files of another owner. */
  readonly way: "self" | "unshare" | "nobody";
  /** Goes before each command. */
  readonly prefix: readonly string[];
  /** The owner its data folder needs, where that is not us. */
  readonly owner?: number;
}

/**
 * Not root: as we are. Root: in a user namespace where root is called nobody, which keeps our
 * access to files; where the kernel forbids that (most containers), as nobody, with the one
 * capability that lets it reach programs and data under a folder such as /root.
 */
export async function postgresUser(): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) return { way: "self", prefix: [] };
  const unshare = Bun.which("unshare");
  const setpriv = Bun.which("setpriv");
  const ways: PostgresUser[] = [];
  if (unshare !== null) {
    const prefix = [unshare, "--user", `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, "--"];
    ways.push({ way: "unshare", prefix });
  }
  if (setpriv !== null) {
    const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    const reach = [
      "--inh-caps=+dac_override",
      "--ambient-caps=+dac_override",
      // Else access(2), by which initdb looks for its binaries, would not count the capability.
      "--securebits=+no_setuid_fixup",
    ];
    const prefix = [setpriv, ...ids, ...reach, "--"];
    ways.push({ way: "nobody", prefix, owner: Number(NOBODY) });
  }
  for (const user of ways) {
    const probe = await run([...user.prefix, "/bin/sh", "-c", "exit 0"], { msMax: PROBE_MS_MAX });
    if (probe.code === 0) return user;
  }
  throw new EmbeddedFailure(
    `PostgreSQL does not run as root, and neither \`unshare\` nor \`setpriv\` can give root up here. ` +
      `Start as another user. ${OTHER_WAYS}`,
  );
}
