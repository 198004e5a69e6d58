/** Walk-throughs of README.md: their shell blocks, and what README says that they answer. */
import { join } from "node:path";
import { ROOT, textOf } from "#test/packaging";

export interface Step {
  /** Heading it stands under. */
  readonly title: string;
  readonly shell: string;
  /** Undefined where README shows no answer. */
  readonly answer: unknown;
}

const BLOCK = /^```(\w*)\n([\s\S]*?)^```$|^### (.*)$/gm;

/** Of the section with that heading; blocks of `sh` are what is run before them. */
export function walkThrough(heading: string): readonly Step[] {
  const section = textOf("README.md")
    .split("\n## ")
    .find((text) => text.startsWith(`${heading}\n`));
  const steps: { title: string; shell: string; answer?: unknown }[] = [];
  let title = "";
  for (const [, language, text = "", named] of (section ?? "").matchAll(BLOCK)) {
    const last = steps.at(-1);
    if (named !== undefined) title = named;
    else if (language === "sh") continue;
    else if (language === "bash") steps.push({ title, shell: text });
    else if (language === "json" && last) last.answer = JSON.parse(text);
    else throw new Error(`README's walk-through has a block of ${language}`);
  }
  return steps.map(({ title: under, shell, answer }) => ({ title: under, shell, answer }));
}

export interface Session {
  readonly env: Readonly<Record<string, string>>;
  /** The port of the test's own service, by the one that README names. */
  readonly ports: Readonly<Record<number, string | undefined>>;
}

/** Types all blocks into one shell, as a reader does; answers what was not as README says. */
export async function walk(
  steps: readonly Step[],
  { env, ports }: Session,
): Promise<readonly string[]> {
  const mark = "\u0001";
  const ofTest = (shell: string): string =>
    shell.replaceAll(/localhost:(\d+)/g, (at, port) => `localhost:${ports[Number(port)] ?? at}`);
  const script = steps.map(({ shell }) => `${ofTest(shell)}printf '${mark}'\n`).join("");
  const shell = Bun.spawn(["bash", "-euo", "pipefail", "-c", script], {
    cwd: ROOT,
    // `bun` is the one that runs this test, wherever it was installed.
    env: { ...env, PATH: `${join(process.execPath, "..")}:${env["PATH"]}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors] = await Promise.all([shell.stdout.text(), shell.stderr.text()]);
  const outputs = out.split(mark).slice(0, -1);
  if ((await shell.exited) !== 0) {
    const failed = steps[outputs.length];
    return [`${failed?.title}: ${failed?.shell}\n${errors}`];
  }
  return steps.flatMap(({ title, answer }, index) => {
    if (answer === undefined) return [];
    const found = differences(answer, parsed(outputs[index] ?? ""));
    return found.map((difference) => `${title}: ${difference}`);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Texts that differ from run to run, by their form. */
const FORMS = [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, /^p\d+-[0-9a-f]{32}-[0-9a-z]{8}$/];

/**
 * Where `found` differs from what README shows; empty when it does not. README may leave fields
 * out, and stands with times and reservation ids for any of their form. Lists are shown whole.
 */
export function differences(shown: unknown, found: unknown, path = "$"): string[] {
  if (Array.isArray(shown)) {
    if (!Array.isArray(found) || found.length !== shown.length) return [told(path, shown, found)];
    return shown.flatMap((item, index) => differences(item, found[index], `${path}[${index}]`));
  }
  if (shown !== null && typeof shown === "object") {
    if (found === null || typeof found !== "object") return [told(path, shown, found)];
    const fields = new Map<string, unknown>(Object.entries(found));
    return Object.entries(shown).flatMap(([name, value]) =>
      differences(value, fields.get(name), `${path}.${name}`),
    );
  }
  const isAlike = shown === found || FORMS.some((form) => fits(form, shown) && fits(form, found));
  return isAlike ? [] : [told(path, shown, found)];
}

function fits(form: RegExp, value: unknown): boolean {
  return typeof value === "string" && form.test(value);
}

function told(path: string, shown: unknown, found: unknown): string {
  return `${path}: README has ${JSON.stringify(shown)}, the service ${JSON.stringify(found)}`;
}
