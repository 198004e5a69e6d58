/** What the tests of contract D share: its answers, and a service with products of their own. */
import {
  CONTRACT_NAMES,
  serveContracts,
  type Answered,
  type Called,
  type ContractService,
} from "#test/contract";

export const START_MS_MAX = 60_000;
export const BASES = ["/inventory", "/v1/api/inventory"];
export const WHEN = "2024-11-21T10:15:30.000Z";
export const SUCCESS = { status: 200, body: { statusCode: 200, message: "Success" } };
export const UNKNOWN = numbered(601, "Product not found");
export const NOT_AVAILABLE = numbered(602, "Product not available");
export const NO_MORE = numbered(603, "No more reserve product");

export const invalid = (...message: string[]) => ({
  status: 400,
  body: { message, error: "Bad Request", statusCode: 400 },
});

function numbered(statusCode: number, message: string) {
  return { status: 400, body: { statusCode, message } };
}

export const said = ({ status, body }: Answered) => ({ status, body });

export interface NestService extends Pick<ContractService, "call">, AsyncDisposable {
  /** A product of its own for each test. */
  create(quantity: number): Promise<string>;
  /** A call with a body, under an Idempotency-Key. */
  send(method: string, path: string, body?: unknown, key?: string): Promise<Answered>;
  /** What anybody can have, and what is held, of a product. */
  stock(productId: string): Promise<unknown>;
}

/** Contract D with all others, of which A makes products and sees what became of them. */
export async function serveNest(): Promise<NestService> {
  const service = await serveContracts(CONTRACT_NAMES.join(","));
  const call = (method: string, path: string, called?: Called) =>
    service.call(method, path, called);
  let made = 0;
  return {
    call,
    async create(quantity) {
      made += 1;
      const productId = `D${made}`;
      const body = { productId, sku: productId, initialStock: quantity };
      const { status } = await call("POST", "/api/inventory/initialize", { body, as: "admin" });
      if (status !== 201) throw new Error(`creating a product was answered ${status}`);
      return productId;
    },
    send(method, path, body, key) {
      const headers = key === undefined ? {} : { "idempotency-key": key };
      return call(method, path, { headers, ...(body === undefined ? {} : { body }) });
    },
    async stock(productId) {
      const { body } = await call("GET", `/v1/api/inventory/stock-levels/${productId}`);
      if (typeof body !== "object" || body === null || !("data" in body))
        throw new Error("no data");
      return body.data;
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}
