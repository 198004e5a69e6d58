/** The port that this process is to listen on, looked at before anything else is begun. */
import { Refusal } from "#compose/refusal";
import type { Config, VariableName } from "#config";

export interface Port {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The variable that names it. */
  readonly variable: VariableName;
}

export function portOf(config: Config, role: string): Port {
  const { host } = config;
  if (role === "worker") return { host, port: config.workerPort, variable: "WORKER_PORT" };
  return { host, port: config.port, variable: "PORT" };
}

/** Throws a Refusal when it cannot be had now. Somebody may still take it before it is used. */
export function mustBeFree(place: Port): void {
  if (place.port === 0) return;
  try {
    const { host: hostname, port } = place;
    Bun.listen({ hostname, port, socket: { data: () => {} } }).stop(true);
  } catch (error) {
    throw cannotListen(place, error);
  }
}

export function cannotListen({ host, port, variable }: Port, cause: unknown): Refusal {
  const why = "it is in use, or needs rights that this user lacks";
  const message = `cannot listen on ${host}:${port}: ${why}; ${variable} names another one`;
  return new Refusal(message, { cause });
}

/** Where the API is that has this configuration, for a command that calls it. */
export function urlOfThisMachine({ port }: Config): string {
  if (port === 0) throw new Refusal("PORT is 0, any free one: say where the API is, with --url");
  return `http://localhost:${port}`;
}
