/** Thrown when a server cannot be started here. The message is meant for the person at the terminal. */
export class EmbeddedFailure extends Error {
  override readonly name = "EmbeddedFailure";
}

/** The way out that works on every machine; each message about a missing server ends with it. */
export const OTHER_WAYS =
  "Run `docker compose up`, or set REDIS_URL and DATABASE_URL to servers of your own.";
