/** Commands of the shops before, as their documents have them: typed into a shell, with its own `curl`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/servers";

/** In their order; the first shop is empty but for its samples. */
export const TYPED = {
  createProduct: `curl -X POST http://localhost:3000/api/products \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "Gaming Mouse",
    "description": "RGB Gaming Mouse",
    "price": 49.99,
    "category": "Electronics"
  }'`,
  checkInventory: `curl http://localhost:3000/api/inventory/1`,
  createOrder: `curl -X POST http://localhost:3000/api/orders \\
  -H "Content-Type: application/json" \\
  -d '{
    "customerId": "CUST001",
    "items": [
      {
        "productId": 1,
        "quantity": 2
      }
    ]
  }'`,
  updateOrderStatus: `curl -X PUT http://localhost:3000/api/orders/1/status \\
  -H "Content-Type: application/json" \\
  -d '{
    "status": "CONFIRMED"
  }'`,
  registryHealth: `curl http://localhost:8761/health`,
  registered: `curl http://localhost:8761/eureka/v2/apps`,
  dashboard: `curl http://localhost:3000/registry`,
  adminLogin: `curl -X POST http://localhost:3001/api/auth/login   -H "Content-Type: application/json"   -d '{"email":"admin@ecommerce.com","password":"Admin123456"}'`,
  customerLogin: `curl -X POST http://localhost:3001/api/auth/login   -H "Content-Type: application/json"   -d '{"email":"john.doe@example.com","password":"SecurePass123"}'`,
} as const;

export interface Typed {
  readonly status: number;
  /** JSON where it is that. */
  readonly body: unknown;
}

/** Types them into a shell whose curl finds each port of the documents at another one. */
export function typist(ports: Readonly<Record<number, string | undefined>>) {
  const home = temporaryFolder("curl");
  mkdirSync(home, { recursive: true });
  const elsewhere = Object.entries(ports).map(
    ([port, at]) => `connect-to = "localhost:${port}:localhost:${at}"`,
  );
  const settings = [...elsewhere, "silent", "show-error", String.raw`write-out = "\n%{http_code}"`];
  writeFileSync(join(home, ".curlrc"), `${settings.join("\n")}\n`);
  return async (command: string): Promise<Typed> => {
    const shell = Bun.spawn(["bash", "-c", command], {
      env: { PATH: process.env["PATH"] ?? "", HOME: home, CURL_HOME: home },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [printed, errors] = await Promise.all([shell.stdout.text(), shell.stderr.text()]);
    if ((await shell.exited) !== 0) throw new Error(`${command}\n${errors}`);
    const end = printed.lastIndexOf("\n");
    const text = printed.slice(0, end);
    return {
      status: Number(printed.slice(end + 1)),
      body: /^[[{]/.test(text) ? JSON.parse(text) : text,
    };
  };
}
