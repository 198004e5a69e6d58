/**
 * Known vulnerabilities of what is installed, from moderate on. Only a registry that keeps
 * advisories can say; one that does not, or is away, is told apart from one that found nothing.
 */
import { ROOT, UNANSWERED_EXIT_CODE } from "./tools.ts";

/** How `bun audit` ends when it was not answered: `error: POST https://… - 405`. */
const UNANSWERED = /^error: POST http/m;
const ANSWER_MS_MAX = 20_000;

const child = Bun.spawn([process.execPath, "audit", "--audit-level=moderate"], {
  cwd: ROOT,
  stdin: "ignore",
  stdout: "pipe",
  stderr: "pipe",
  timeout: ANSWER_MS_MAX,
});
const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
const exitCode = await child.exited;
process.stdout.write(out + err);
const isUnanswered = exitCode !== 0 && (child.signalCode !== null || UNANSWERED.test(err));
process.exit(isUnanswered ? UNANSWERED_EXIT_CODE : exitCode);
