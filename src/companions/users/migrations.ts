/** The schema `users`, in order. */
import users from "./migrations/0001-users.sql" with { type: "text" };

export const USERS_MIGRATIONS = [{ name: "0001-users", text: users }] as const;
