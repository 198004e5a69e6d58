/** Puts a companion's routes into its shell, with the document of them and the page that shows it. */
import type { Hono } from "hono";
import { z } from "zod";
import type { ShellEnv } from "#companions/shell/app";
import { documentOf, type DocumentOptions } from "#companions/shell/openapi";
import {
  JSON_TYPE,
  NOTHING,
  route,
  type By,
  type Described,
  type ShellRoute,
} from "#companions/shell/route";
import { DOCS_FILES, DOCS_PAGE, PAGE_POLICY } from "#lib/docs-page";

export interface Mounting extends DocumentOptions {
  readonly routes: readonly ShellRoute[];
  /** Who may read the document. */
  readonly docsBy: By<unknown>;
  /** Default: the page of this document alone. */
  readonly docsPage?: readonly ShellRoute[];
}

const Status = z.object({ status: z.string(), service: z.string(), version: z.string() });
const ABOUT = {
  ...({ method: "GET", notes: "", scheme: null, keyed: false, headers: [], refused: {} } as const),
  ...NOTHING,
};
/** What the shell answers by itself. */
const HEALTH: readonly Described[] = [
  { ...ABOUT, path: "/health/live", summary: "Whether it runs", answers: { 200: Status } },
  {
    ...ABOUT,
    path: "/health/ready",
    summary: "Whether it can serve",
    answers: { 200: Status, 503: Status.extend({ reason: z.string() }) },
  },
];

export function mount(shell: Hono<ShellEnv>, mounting: Mounting): void {
  const { docsBy: by } = mounting;
  const { docsPage = [fileRoute(by, "/docs", "A page that shows this document", PAGE)] } = mounting;
  let document: string | null = null;
  const describing = route({
    method: "GET",
    path: "/openapi.json",
    summary: "This document",
    by,
    takes: NOTHING,
    isAlone: by.scheme !== "bearer",
    answers: { 200: z.looseObject({ openapi: z.string() }) },
    handle: (c) => c.body((document ??= made()), 200, { "content-type": JSON_TYPE }),
  });
  const files = Object.entries(DOCS_FILES).map(([name, { summary, ...file }]) =>
    fileRoute(by, `/docs/${name}`, summary, file),
  );
  const routes = [...mounting.routes, describing, ...files, ...docsPage];
  const made = (): string =>
    JSON.stringify(documentOf({ ...mounting, routes: [...routes, ...HEALTH] }));
  for (const { method, path, handle } of routes) shell.on(method, path, handle);
}

interface File {
  readonly read: () => Promise<string>;
  readonly mediaType: string;
}
const PAGE: File = { read: DOCS_PAGE, mediaType: "text/html" };

/** One of the files of a page: they change with the version alone. */
export function fileRoute(
  by: By<unknown>,
  path: string,
  summary: string,
  { read, mediaType }: File,
): ShellRoute {
  const isPage = mediaType === "text/html";
  return route({
    method: "GET",
    path,
    summary,
    by,
    takes: NOTHING,
    isAlone: by.scheme !== "bearer",
    answers: { 200: z.string().meta({ contentMediaType: mediaType }) },
    async handle(c) {
      c.header("cache-control", isPage ? "no-cache" : "private, max-age=3600");
      if (isPage) c.header("content-security-policy", PAGE_POLICY);
      return c.body(await read(), 200, { "content-type": `${mediaType}; charset=utf-8` });
    },
  });
}
