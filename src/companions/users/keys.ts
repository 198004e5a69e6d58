/**
 * The keys that tokens are signed with. A new one is published before it signs, for as long as those who
 * verify may keep what they fetched; an old one stays published until the last token that it signed has
 * run out. So keys change while everybody works, and several processes have the same ones.
 */
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importPKCS8,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from "jose";
import type { Sql } from "postgres";
import { z } from "zod";

export const ALGORITHM = "RS256";
/** Who verifies may keep the keys for this long, twice what our inventory does; then a new one signs. */
export const PUBLISHED_BEFORE_SECONDS = 1_200;
/** A key that signed for so long is followed by another. */
export const KEY_DAYS_MAX = 30;
/** What another process changed is seen after this. */
const LOADED_MS_MAX = 30_000;
const MODULUS_BITS = 2_048;
/** Of all transactions that make a key, one at a time; any number that nobody else uses here. */
const LOCK_KEY = 730_411;

const KeyRow = z.object({
  kid: z.string(),
  private_pem: z.string(),
  public_jwk: z.looseObject({ kty: z.string() }),
  signs: z.boolean(),
  old: z.boolean(),
});

export interface KeyRingOptions {
  readonly sql: Sql;
  /** The longest life of a token. */
  readonly tokenSeconds: number;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly now: () => number;
}

interface Loaded {
  readonly jwks: { keys: JWK[] };
  readonly signing: { readonly kid: string; readonly key: CryptoKey };
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  #loaded: Promise<Loaded> | null = null;
  #loadedAt = 0;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** What verifies our tokens, for everybody. */
  async published(): Promise<{ keys: JWK[] }> {
    return (await this.#keys()).jwks;
  }

  async sign(claims: JWTPayload, subject: string): Promise<string> {
    const { tokenSeconds, issuer, audience, now } = this.#options;
    const { signing } = await this.#keys();
    const issuedAt = Math.floor(now() / 1_000);
    const token = new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: signing.kid })
      .setSubject(subject)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + tokenSeconds);
    if (issuer !== undefined) token.setIssuer(issuer);
    if (audience !== undefined) token.setAudience(audience);
    return await token.sign(signing.key);
  }

  /** The claims of a token of ours; null: it is none, or has run out. */
  async verify(token: string): Promise<JWTPayload | null> {
    const { issuer, audience } = this.#options;
    const { jwks } = await this.#keys();
    const wanted = {
      algorithms: [ALGORITHM],
      requiredClaims: ["exp", "sub"],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    try {
      return (await jwtVerify(token, createLocalJWKSet(jwks), wanted)).payload;
    } catch {
      return null;
    }
  }

  /** Publishes another key, which signs from when everybody can know it. Answers its id. */
  async rotate(): Promise<string> {
    const kid = await this.#make(PUBLISHED_BEFORE_SECONDS, () => true);
    this.#loaded = null;
    return kid ?? "";
  }

  async #keys(): Promise<Loaded> {
    const { now } = this.#options;
    const age = now() - this.#loadedAt;
    // A clock that was set back would keep them until it is where it was.
    if (this.#loaded !== null && age >= 0 && age < LOADED_MS_MAX) return await this.#loaded;
    this.#loadedAt = now();
    const loading = this.#load();
    this.#loaded = loading;
    // Whoever asks next tries again.
    loading.catch(() => {
      if (this.#loaded === loading) this.#loaded = null;
    });
    return await loading;
  }

  async #load(): Promise<Loaded> {
    let rows = await this.#rows();
    const signing = rows.find(({ signs }) => signs);
    if (signing === undefined) {
      await this.#make(0, (known) => !known.some(({ signs }) => signs));
      rows = await this.#rows();
    } else if (signing.old && rows.every(({ signs }) => signs)) {
      await this.#make(PUBLISHED_BEFORE_SECONDS, (known) => known.every(({ signs }) => signs));
      rows = await this.#rows();
    }
    const present = rows.find(({ signs }) => signs);
    if (present === undefined) throw new Error("there is no key to sign with");
    return {
      jwks: { keys: rows.map(({ public_jwk }) => public_jwk) },
      signing: { kid: present.kid, key: await importPKCS8(present.private_pem, ALGORITHM) },
    };
  }

  /** The newest that signs first; then what follows it, and what was before. */
  async #rows(): Promise<readonly z.output<typeof KeyRow>[]> {
    return KeyRow.array().parse(await this.#options.sql.unsafe(ROWS, [KEY_DAYS_MAX]));
  }

  /** Makes a key where the present ones are `wanted` to be followed; null: somebody was first. */
  async #make(
    afterSeconds: number,
    wanted: (rows: readonly z.output<typeof KeyRow>[]) => boolean,
  ): Promise<string | null> {
    const { sql, tokenSeconds } = this.#options;
    const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, {
      modulusLength: MODULUS_BITS,
      extractable: true,
    });
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    const told = JSON.stringify({ ...jwk, kid, alg: ALGORITHM, use: "sig" });
    const pem = await exportPKCS8(privateKey);
    return await sql.begin(async (tx) => {
      await tx`SELECT pg_advisory_xact_lock(${LOCK_KEY})`;
      const rows = KeyRow.array().parse(await tx.unsafe(ROWS, [KEY_DAYS_MAX]));
      if (!wanted(rows)) return null;
      // Behind the last token that they sign, and a minute for clocks that differ.
      const seconds = afterSeconds + tokenSeconds + 60;
      await tx`UPDATE signing_keys SET published_until = now() + ${seconds} * interval '1 second'
        WHERE published_until IS NULL`;
      await tx`INSERT INTO signing_keys (kid, private_pem, public_jwk, signs_from)
        VALUES (${kid}, ${pem}, ${told}::text::jsonb, now() + ${afterSeconds} * interval '1 second')`;
      await tx`DELETE FROM signing_keys WHERE published_until < now()`;
      return kid;
    });
  }
}

const ROWS = `SELECT kid, private_pem, public_jwk, signs_from <= now() AS signs,
    signs_from < now() - $1::integer * interval '1 day' AS old
  FROM signing_keys WHERE published_until IS NULL OR published_until > now()
  ORDER BY signs_from DESC`;
