/** A shared secret as a key. What would be weak or a trap is refused here, before anything starts. */

/** RFC 7518, section 3.2: as long as the hash's output. */
const SECRET_BYTES_MIN = 32;

/** Imports an HS256 secret once. Throws when it is short, or the text of a public key. */
export async function importSecret(secret: string, use: "sign" | "verify"): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < SECRET_BYTES_MIN) {
    throw new Error(`a JWT secret needs at least ${SECRET_BYTES_MIN} bytes`);
  }
  // Whoever knows the public key could sign tokens with its text as the secret.
  if (secret.includes("-----BEGIN")) throw new Error("a JWT secret must not be a PEM key");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes, algorithm, false, [use]);
}
