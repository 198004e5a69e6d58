/** A service that serves contract C, and the calls that its tests make again and again. */
import { expect } from "bun:test";
import { connect } from "node:net";
import { serveContracts, type Answered, type ContractService } from "#test/contract";

export const BASE = "/api/inventory";

export interface EurekaService extends ContractService {
  /** Makes a product of its own for a test, in Warehouse A. */
  create(quantity: number): Promise<{ id: number; path: string }>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Sets the quantity of the product at that path. */
  put(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>;
}

export async function serveEureka(
  contracts: string,
  env: Readonly<Record<string, string>> = {},
): Promise<EurekaService> {
  const service = await serveContracts(contracts, env);
  let last = 1_000;
  const post: EurekaService["post"] = (path, body, headers = {}) =>
    service.call("POST", path, { body, headers });
  return {
    ...service,
    post,
    put: (path, body, headers = {}) => service.call("PUT", `${path}/quantity`, { body, headers }),
    async create(quantity) {
      last += 1;
      expect((await post(BASE, { productId: last, quantity })).status).toBe(201);
      return { id: last, path: `${BASE}/${last}` };
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** What every error says; the rest of it is contract A's problem. */
export function expectError(
  { status, body }: Answered,
  expected: number,
  error: string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  expect(body).toMatchObject({ status: expected, error, message: error, ...more });
  expect(status).toBe(expected);
}

/** Sends each request when the one before is answered, over one connection; answers the texts. */
export function onOneConnection(url: string, requests: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port) });
    const send = () => {
      const request = requests[answers.length];
      if (request !== undefined) return void socket.write(request);
      socket.end();
      resolve(answers);
    };
    socket.on("connect", send);
    socket.on("data", (bytes) => {
      answers.push(bytes.toString());
      send();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed")));
  });
}
