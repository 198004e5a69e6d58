/**
 * The documents of all services, read from living instances through the gateway, and one page that shows
 * each.
 */
import { z } from "zod";
import type { Forward } from "#companions/gateway/forward";
import { rootOf } from "#companions/gateway/instances";
import { SERVICE_KEYS, SERVICES, type ServiceKey } from "#companions/gateway/services";
import { Refused, type ShellContext } from "#companions/shell/app";
import { fileRoute } from "#companions/shell/mount";
import { JSON_TYPE, NOTHING, route, type By, type ShellRoute } from "#companions/shell/route";
import { callOut } from "#lib/call-out";

export interface GatewayDocsOptions {
  readonly forward: Forward;
  /** Bases of registries, as EUREKA_URL has them. */
  readonly registries: readonly string[];
  readonly addressOf: (c: ShellContext) => string;
  readonly by: By<unknown>;
}

const ANSWER_MS_MAX = 2_000;
const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
const REGISTRY = "registry";

export function gatewayDocs(options: GatewayDocsOptions): readonly ShellRoute[] {
  const { forward, registries, addressOf, by } = options;
  const documentAt = (key: ServiceKey): ShellRoute =>
    documentRoute(by, key, async (c) => {
      const { headers, signal } = c.req.raw;
      return await forward({
        request: new Request(new URL("/openapi.json", c.req.url).href, { headers, signal }),
        service: { ...SERVICES[key], key },
        requestId: c.get("requestId"),
        address: addressOf(c),
      });
    });
  return [
    fileRoute(by, "/docs", "A page that shows the documents of all services", {
      read: () => Promise.resolve(PAGE),
      mediaType: "text/html",
    }),
    fileRoute(by, "/docs/choose.js", "Shows the document that is chosen", {
      read: () => Promise.resolve(SCRIPT),
      mediaType: "text/javascript",
    }),
    ...SERVICE_KEYS.map(documentAt),
    documentRoute(by, REGISTRY, async (c) => {
      c.header("content-type", JSON_TYPE);
      return c.body(await documentOfRegistry(registries));
    }),
  ];
}

function documentRoute(
  by: By<unknown>,
  name: string,
  handle: (c: ShellContext) => Promise<Response>,
): ShellRoute {
  return route({
    method: "GET",
    path: `/docs/${name}/openapi.json`,
    summary: `The document of ${name}, from one of its instances`,
    by,
    takes: NOTHING,
    answers: { 200: z.looseObject({ openapi: z.string() }) },
    refused: { 504: "It did not answer in time." },
    handle,
  });
}

/** As the page of one document, with links to show another. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Services</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <script src="/docs/swagger-ui-bundle.js" defer></script>
    <script src="/docs/choose.js" defer></script>
  </head>
  <body class="swagger-ui">
    <nav class="wrapper" aria-label="Services">
      <a class="link" href="/docs">gateway</a>
${[...SERVICE_KEYS, REGISTRY].map((name) => `      <a class="link" href="/docs?of=${name}">${name}</a>`).join("\n")}
    </nav>
    <div id="operations"></div>
  </body>
</html>
`;

/** A name that is none finds no document, and the page says so. */
const SCRIPT = `const of = new URLSearchParams(location.search).get("of");
globalThis.SwaggerUIBundle({
  url: of === null ? "/openapi.json" : "/docs/" + encodeURIComponent(of) + "/openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  docExpansion: "list",
  // The default asks a server on the internet.
  validatorUrl: null,
});
`;

/** Of the first that answers. */
async function documentOfRegistry(registries: readonly string[]): Promise<string> {
  for (const registry of registries) {
    const url = `${rootOf(registry)}/openapi.json`;
    const bounds = { withinMs: ANSWER_MS_MAX, bytesMax: DOCUMENT_BYTES_MAX };
    const answer = await callOut({ method: "GET", url, ...bounds }).catch(() => null);
    if (answer?.status === 200) return answer.text;
  }
  throw new Refused(503, "no registry answers");
}
