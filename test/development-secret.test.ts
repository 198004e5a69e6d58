import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { developmentSecret } from "#config";

const folder = mkdtempSync(join(tmpdir(), "holdfast-secret-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the development secret", () => {
  test("is made once, is random, readable by its owner only, and leaves no draft", () => {
    const dataDir = join(folder, "fresh", "data");
    const secret = developmentSecret(dataDir);
    expect(Buffer.from(secret, "base64url")).toHaveLength(32);
    expect(developmentSecret(dataDir)).toBe(secret);
    expect(statSync(join(dataDir, "jwt-secret")).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(["jwt-secret"]);
    expect(developmentSecret(join(folder, "other"))).not.toBe(secret);
  });

  test("is the same for processes that start together", async () => {
    const dataDir = join(folder, "raced");
    const script = `
      import { developmentSecret } from "#config";
      process.stdout.write(developmentSecret(${JSON.stringify(dataDir)}));
    `;
    const children = Array.from({ length: 6 }, () =>
      Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" }),
    );
    const secrets = await Promise.all(children.map((child) => child.stdout.text()));
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toHaveLength(43);
    expect(readdirSync(dataDir)).toEqual(["jwt-secret"]);
  });

  test("that was damaged is refused, not replaced in silence", async () => {
    const dataDir = join(folder, "damaged");
    await Bun.write(join(dataDir, "jwt-secret"), "short");
    chmodSync(join(dataDir, "jwt-secret"), 0o600);
    expect(() => developmentSecret(dataDir)).toThrow("less than 32 bytes");
  });
});
