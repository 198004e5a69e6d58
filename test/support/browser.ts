/** The system's headless Chromium, for tests that look at pages. */
import { chromium, type Browser, type Page } from "playwright-core";

const PROGRAMS = ["chromium-headless-shell", "chromium"] as const;

/** Starts one. Throws where the system has none: `.ci/run` installs it. */
export function startBrowser(): Promise<Browser> {
  const program = PROGRAMS.map((name) => Bun.which(name)).find((path) => path !== null);
  if (program === undefined) throw new Error(`no ${PROGRAMS.join(" or ")} is installed`);
  // As root its sandbox does not start; it shows pages of ours only.
  return chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
}

/** What a page complains of: errors, refused resources, broken policies; filled while it lives. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  return complaints;
}
