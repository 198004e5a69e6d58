/** Where an import goes unless it is told, and with which token. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileOf, openImportBed, type ImportBed } from "#test/imports";
import { temporaryFolder } from "#test/servers";
import { JWT_SECRET, runMain, tokenOf, type Service } from "#test/service";

const START_MS_MAX = 60_000;

let bed: ImportBed;
let service: Service;

beforeAll(async () => {
  bed = await openImportBed();
  ({ service } = bed);
}, START_MS_MAX);

afterAll(() => bed[Symbol.asyncDispose]());

describe("a token", () => {
  const file = () => fileOf("a.json", '[{"productId":"token-1","quantity":5}]');
  const args = async () => ["import", "--url", service.url, "--from", "json", await file()];

  test("comes from a file or the environment, or is signed on a development machine", async () => {
    const admin = await tokenOf("admin", "somebody");
    const byFile = [...(await args()), "--token-file", await fileOf("admin.jwt", `${admin}\n`)];
    expect(await runMain(byFile, {})).toMatchObject({ code: 0 });
    expect(await runMain(await args(), { IMPORT_TOKEN: admin })).toMatchObject({ code: 0 });
    expect(await runMain(await args(), { JWT_SECRET })).toMatchObject({ code: 0 });
  });

  test("that is not let in ends the run with one line", async () => {
    const customer = await tokenOf("customer", "carol");
    const refusals = [{ IMPORT_TOKEN: "nonsense" }, { IMPORT_TOKEN: customer }];
    for (const env of refusals) {
      const { code, output } = await runMain(await args(), env);
      expect(code).toBe(1);
      expect(output).toContain("does not let this token in");
      expect(output).toEndWith("The token: that of IMPORT_TOKEN\n");
      expect(output).not.toMatch(/^ +at /m);
    }
  });
});

describe("on a development machine", () => {
  const rows = () => fileOf("a.json", '[{"productId":"port-1","quantity":5}]');
  const PORT = () => new URL(service.url).port;
  const args = async () => ["import", "--from", "json", await rows()];

  test("the service is looked for at PORT", async () => {
    const { code, output } = await runMain(await args(), { PORT: PORT(), JWT_SECRET });
    expect({ code, output }).toEqual({
      code: 0,
      output: `done, into http://localhost:${PORT()}; products: 1 read, 1 imported; holds: 0 read\n`,
    });
    const none = await runMain(await args(), { PORT: "0", JWT_SECRET });
    expect(none).toEqual({
      code: 1,
      output: "PORT is 0, any free one: say where the API is, with --url\n",
    });
  });

  test("a token that is not let in is told with the key that signed it", async () => {
    const key = JWT_SECRET.toLowerCase();
    const configured = await runMain(await args(), { PORT: PORT(), JWT_SECRET: key });
    expect(configured.output).toContain("The token: signed here with JWT_SECRET; if that service");
    const DATA_DIR = temporaryFolder("import-key");
    await Bun.write(join(DATA_DIR, "jwt-secret"), `${key}\n`);
    const own = await runMain(await args(), { PORT: PORT(), DATA_DIR });
    expect(own.code).toBe(1);
    expect(own.output).toContain(`signed here with the key in ${join(DATA_DIR, "jwt-secret")}`);
  });

  test("no key is made for an import: whoever runs it elsewhere is told so", async () => {
    const DATA_DIR = join(temporaryFolder("import-key"), "none");
    const { code, output } = await runMain(await args(), { PORT: PORT(), DATA_DIR });
    expect(code).toBe(1);
    expect(output).toStartWith("import has no key to sign a token with: JWT_SECRET is not set");
    expect(existsSync(DATA_DIR)).toBe(false);
  });
});
