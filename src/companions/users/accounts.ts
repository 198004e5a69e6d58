/** Accounts of people, and clients that are services, in the schema `users`. */
import type { Sql } from "postgres";
import { z } from "zod";
import type { Passwords } from "#companions/users/passwords";
import { randomId } from "#lib/ids";

export const ROLES = ["admin", "customer"] as const;

const AccountRow = z.object({
  id: z.string(),
  email: z.string(),
  role: z.enum(ROLES),
});
export type Account = z.output<typeof AccountRow>;

const SECRET_LENGTH = 40;

export interface Accounts {
  /** Resolves when PostgreSQL answers. */
  look(): Promise<void>;
  /** null: somebody has that address of mail. */
  register(email: string, password: string, role?: Account["role"]): Promise<Account | null>;
  /** null: no account has this address and password. */
  signIn(email: string, password: string): Promise<Account | null>;
  byId(id: string): Promise<Account | null>;
  /** Gives the account with this address another password and role. */
  replace(email: string, password: string, role: Account["role"]): Promise<void>;
  /** Makes a client; its secret is told this once. */
  addClient(name: string): Promise<{ readonly id: string; readonly secret: string }>;
  /** Makes a client that is known beforehand, or gives it another secret. */
  putClient(id: string, name: string, secret: string): Promise<void>;
  isClient(id: string, secret: string): Promise<boolean>;
}

export function createAccounts(sql: Sql, passwords: Passwords): Accounts {
  const putClient = async (id: string, name: string, secret: string): Promise<void> => {
    const hash = await passwords.hash(secret);
    await sql`INSERT INTO clients (id, name, secret_hash) VALUES (${id}, ${name}, ${hash})
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret_hash = excluded.secret_hash`;
  };
  return {
    async look(): Promise<void> {
      await sql`SELECT 1`;
    },

    async register(
      email: string,
      password: string,
      role: Account["role"] = "customer",
    ): Promise<Account | null> {
      const hash = await passwords.hash(password);
      const [row] = await sql`INSERT INTO accounts (id, email, password_hash, role)
      VALUES (${`user-${randomId(16)}`}, ${email}, ${hash}, ${role})
      ON CONFLICT (email) DO NOTHING RETURNING id, email, role`;
      return row === undefined ? null : AccountRow.parse(row);
    },

    async signIn(email: string, password: string): Promise<Account | null> {
      const [row] = await sql`SELECT id, email, role, password_hash
      FROM accounts WHERE email = ${email}`;
      const hash = row === undefined ? null : String(row["password_hash"]);
      const fits = await passwords.fits(password, hash);
      return fits && row !== undefined ? AccountRow.parse(row) : null;
    },

    async replace(email: string, password: string, role: Account["role"]): Promise<void> {
      const hash = await passwords.hash(password);
      await sql`UPDATE accounts SET password_hash = ${hash}, role = ${role} WHERE email = ${email}`;
    },

    async byId(id: string): Promise<Account | null> {
      const [row] = await sql`SELECT id, email, role FROM accounts WHERE id = ${id}`;
      return row === undefined ? null : AccountRow.parse(row);
    },

    async addClient(name: string): Promise<{ readonly id: string; readonly secret: string }> {
      const client = { id: `client-${randomId(16)}`, secret: randomId(SECRET_LENGTH) };
      await putClient(client.id, name, client.secret);
      return client;
    },

    putClient,
    async isClient(id: string, secret: string): Promise<boolean> {
      const [row] = await sql`SELECT secret_hash FROM clients WHERE id = ${id}`;
      return await passwords.fits(secret, row === undefined ? null : String(row["secret_hash"]));
    },
  };
}
