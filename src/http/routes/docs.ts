/** The OpenAPI document, and the page that shows it. */
import { z } from "zod";
import { createHandlers, type EdgeContext } from "#http/env";
import { isKnown } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { replyText } from "#http/reply";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { DOCS_FILES, DOCS_PAGE, PAGE_POLICY } from "#lib/docs-page";

interface File {
  readonly path: string;
  readonly summary: string;
  /** Read when it is first asked for, and kept. */
  readonly read: () => Promise<string>;
  readonly mediaType: string;
}

/** For everybody, or, where the operator does not publish them, for admins. */
export function docsRoutes({ document, docsPublic }: Edge): Route[] {
  const made = async (): Promise<string> => document();
  const json = { read: made, mediaType: "application/json" };
  const files: readonly File[] = [
    { ...json, path: PATHS.openapi, summary: "This document" },
    { ...json, path: PATHS.docsJson, summary: "This document, where contract D has it" },
    {
      path: PATHS.docs,
      summary: "A page that shows this document",
      read: DOCS_PAGE,
      mediaType: "text/html",
    },
    { path: PATHS.docsInit, ...DOCS_FILES["init.js"] },
    { path: PATHS.docsScript, ...DOCS_FILES["swagger-ui-bundle.js"] },
    { path: PATHS.docsStyle, ...DOCS_FILES["swagger-ui.css"] },
  ];
  return files.map((file) => fileRoute(file, docsPublic ? "public" : ADMIN));
}

function fileRoute({ path, summary, read, mediaType }: File, roles: Route["roles"]): Route {
  const isJson = mediaType === "application/json";
  const headers = {
    "content-type": isJson ? mediaType : `${mediaType}; charset=utf-8`,
    "cache-control": "no-cache",
    ...(mediaType === "text/html" ? { "content-security-policy": PAGE_POLICY } : {}),
  };
  let kept: Promise<{ readonly text: string; readonly etag: string }> | undefined;
  const load = async () => {
    const text = await read();
    return { text, etag: `"${Bun.hash(text).toString(16)}"` };
  };
  const answer = async (c: EdgeContext): Promise<Response> => {
    const { text, etag } = await (kept ??= load());
    const isSame = isKnown(c.req.header("if-none-match"), etag);
    return replyText(c, isSame ? 304 : 200, isSame ? null : text, { ...headers, etag });
  };
  const body = isJson ? Document : z.string().meta({ contentMediaType: mediaType });
  return route({
    method: "GET",
    path,
    summary,
    answers: { 200: body, 304: null },
    roles,
    whileStopping: true,
    counted: "never",
    handlers: createHandlers(answer),
  });
}

const Document = z.looseObject({ openapi: z.string() });
