# The packages of production, and nothing that only tests or a first start without servers need.
FROM oven/bun:1.4.4 AS packages
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production --omit=optional --ignore-scripts

FROM oven/bun:1.4.4
WORKDIR /app
ENV NODE_ENV=production
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
COPY lua lua

# Everything above belongs to root, so the service cannot change its own code.
USER bun
EXPOSE 3003 3013

# Whether the process lives, not whether it is ready: an orchestrator restarts what is unhealthy,
# and a restart brings no Redis back. Ask /health/ready where requests are routed.
HEALTHCHECK --interval=10s --timeout=5s --start-period=45s --retries=3 \
  CMD ["bun", "-e", "const port = process.env.PORT || 3003; const answer = await fetch('http://127.0.0.1:' + port + '/health/live', { signal: AbortSignal.timeout(3000) }); process.exit(answer.ok ? 0 : 1)"]

# Without a shell between: SIGTERM reaches the service, which finishes what is in flight.
ENTRYPOINT ["bun", "src/main.ts"]
CMD ["start"]
