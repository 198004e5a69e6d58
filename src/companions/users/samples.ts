/** Accounts to try it with, outside production: as the service had them that this one replaces. */
export const SAMPLE_ACCOUNTS = [
  { email: "admin@ecommerce.com", password: "Admin123456", role: "admin" },
  { email: "john.doe@example.com", password: "SecurePass123", role: "customer" },
] as const;
