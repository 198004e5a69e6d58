/**
 * What the server costs before any stock is touched: a JSON body is read and answered. Takes two
 * ports: of the echo behind the product's whole edge (request id, limits, token, role, counters),
 * and of one that is Hono alone.
 */
import { Hono } from "hono";
import { appOptions, config, listen } from "./app-options.ts";
import type { EdgeEnv } from "#http/env";
import { inventory } from "#http/inventory";
import { Admission } from "#http/middleware/admission";
import { createBodyDeadline } from "#http/middleware/body-deadline";
import { createCors } from "#http/middleware/cors";
import { edgeOf } from "#http/middleware/edge";
import { createFailureLog } from "#http/middleware/failure-log";
import { createOnError } from "#http/middleware/on-error";
import { reply } from "#http/reply";
import { ANY_ROLE, route } from "#http/routes/route";
import { processClock } from "#lib/clock";

const PATH = "/echo";

async function edgeApp(): Promise<Hono<EdgeEnv>> {
  const { auth, metrics, log, health, durability } = await appOptions();
  const failures = createFailureLog(log, () => performance.now());
  const echo = route({
    method: "POST",
    path: PATH,
    summary: "What the edge alone costs",
    answers: { 200: null },
    roles: ANY_ROLE,
    mutation: true,
    handlers: [async (c) => reply(c, 201, await c.req.json<object>())],
  });
  const admission = new Admission();
  const edge = edgeOf(
    {
      contract: inventory,
      admission,
      auth,
      metrics,
      failures,
      bodies: createBodyDeadline(processClock, admission),
      cors: createCors(config.corsOrigins),
      durability,
      limits: null,
      clock: processClock,
      requestDeadlineMs: config.requestDeadlineMs,
      stopping: health.stopping,
      onError: createOnError(log, failures, inventory.word),
    },
    echo,
  );
  const app = new Hono<EdgeEnv>();
  app.post(PATH, edge);
  return app;
}

function bareApp(): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>();
  app.post(PATH, async (c) => c.json(await c.req.json<object>(), 201));
  return app;
}

const [edgePort, barePort] = Bun.argv.slice(2).map(Number);
if (edgePort === undefined || barePort === undefined) throw new Error("echo.ts takes two ports");
listen(await edgeApp(), edgePort);
listen(bareApp(), barePort);
