/** The page that shows an OpenAPI document, and its files. All comes from our own process: no CDN is asked. */
import { fileURLToPath } from "node:url";

/** Scripts and styles are files of ours; Swagger UI has small images in its styles. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const textOf = (url: string) => (): Promise<string> => Bun.file(fileURLToPath(url)).text();
const own = (name: string) => textOf(new URL(`docs/${name}`, import.meta.url).href);

/** The page shows `openapi.json`, which stands beside it; its files stand in `docs/`, by these names. */
export const DOCS_PAGE = own("page.html");
const SCRIPT = "text/javascript";
export const DOCS_FILES = {
  "init.js": { summary: "Starts the page", read: own("init.js"), mediaType: SCRIPT },
  "swagger-ui-bundle.js": {
    summary: "Draws the page",
    read: textOf(import.meta.resolve("swagger-ui-dist/swagger-ui-bundle.js")),
    mediaType: SCRIPT,
  },
  "swagger-ui.css": {
    summary: "How the page looks",
    read: textOf(import.meta.resolve("swagger-ui-dist/swagger-ui.css")),
    mediaType: "text/css",
  },
} as const;
