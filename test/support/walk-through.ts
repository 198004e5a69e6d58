/** The walk-through of README.md: its shell blocks, and what README says that they answer. */
import { textOf } from "#test/packaging";

export interface Step {
  /** Heading it stands under. */
  readonly title: string;
  readonly shell: string;
  /** Undefined where README shows no answer. */
  readonly answer: unknown;
}

const BLOCK = /^```(\w*)\n([\s\S]*?)^```$|^### (.*)$/gm;

export function walkThrough(): readonly Step[] {
  const section = textOf("README.md")
    .split("\n## ")
    .find((text) => text.startsWith("Walk-through"));
  const steps: { title: string; shell: string; answer?: unknown }[] = [];
  let title = "";
  for (const [, language, text = "", heading] of (section ?? "").matchAll(BLOCK)) {
    const last = steps.at(-1);
    if (heading !== undefined) title = heading;
    else if (language === "bash") steps.push({ title, shell: text });
    else if (language === "json" && last) last.answer = JSON.parse(text);
    else throw new Error(`README's walk-through has a block of ${language}`);
  }
  return steps.map(({ title: under, shell, answer }) => ({ title: under, shell, answer }));
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
