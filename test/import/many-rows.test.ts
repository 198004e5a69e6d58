/** Imports that are killed, have to wait, or are larger than the memory of their process. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { fileOf, importing, lines, openImportBed, stockOf, type ImportBed } from "#test/imports";
import { tokenOf, type Service } from "#test/service";
import { until } from "#test/until";

const START_MS_MAX = 60_000;

let bed: ImportBed;
let service: Service;

beforeAll(async () => {
  bed = await openImportBed();
  ({ service } = bed);
}, START_MS_MAX);

afterAll(() => bed[Symbol.asyncDispose]());

describe("many rows", () => {
  const ROWS = 10_000;
  const text = lines(
    Array.from({ length: ROWS }, (_, index) => ({ productId: `many-${index}`, quantity: index })),
  );

  test(
    "a run that is killed is finished by the next, and nothing is imported twice",
    async () => {
      const file = await fileOf("many.jsonl", text);
      const admin = await tokenOf("admin", "import-test");
      const child = Bun.spawn(
        [process.execPath, "src/main.ts", "import", "--from", "json", "--url", service.url, file],
        {
          env: { PATH: process.env["PATH"], IMPORT_TOKEN: admin },
          stdio: ["ignore", "ignore", "ignore"],
        },
      );
      await until(async () => (await stockOf(service, "many-600")) !== null, {
        withinMs: START_MS_MAX,
        what: "a part was imported",
      });
      child.kill("SIGKILL");
      await child.exited;
      expect(await stockOf(service, `many-${ROWS - 1}`)).toBeNull();

      const { code, output } = await importing(service, ["--from", "json", file]);
      expect(code).toBe(0);
      const [, imported, unchanged] =
        /^done, .* (\d+) imported, (\d+) unchanged/m.exec(output) ?? [];
      expect(Number(unchanged)).toBeGreaterThan(600);
      expect(Number(imported) + Number(unchanged)).toBe(ROWS);
      const compared = await importing(service, ["--from", "json", "--compare", file]);
      expect(compared.output).toContain(`${ROWS} read, ${ROWS} unchanged`);
    },
    2 * START_MS_MAX,
  );

  test(
    "a run waits for a service that is away for a moment, and imports once",
    async () => {
      const rows = Array.from({ length: 2_000 }, (_, index) => ({
        productId: `away-${index}`,
        quantity: 3,
      }));
      const file = await fileOf("away.jsonl", lines(rows));
      bed.redis.pause();
      const running = importing(service, ["--from", "json", file]);
      await until(() => fetch(`${service.url}/health/ready`).then(({ status }) => status === 503), {
        withinMs: START_MS_MAX,
        what: "the service cannot use Redis",
      });
      bed.redis.resume();
      const { code, output } = await running;
      expect(output).toContain("2000 imported");
      expect(code).toBe(0);
      expect(await stockOf(service, "away-1999")).toMatchObject({ totalStock: 3 });
    },
    START_MS_MAX,
  );
});

test(
  "a file much larger than its memory is read in bounded memory",
  async () => {
    // Of each row its id is kept: rows are long, so that the size is what is seen.
    const note = "x".repeat(6000);
    const file = await fileOf("big.jsonl", "");
    const sink = Bun.file(file).writer();
    for (let count = 0; count < 50_000; count += 1) {
      void sink.write(`{"productId":"big-${count}","quantity":5,"note":"${note}"}\n`);
    }
    await sink.end();
    const child = Bun.spawn(
      [process.execPath, "src/main.ts", "import", "--from", "json", "--dry-run", file],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let peak = 0;
    const statusFile = `/proc/${child.pid}/status`;
    await until(
      () => {
        const text = existsSync(statusFile) ? readFileSync(statusFile, "utf8") : "";
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0));
        return child.exitCode !== null;
      },
      { withinMs: START_MS_MAX, what: "the file is read" },
    );
    expect(await child.stderr.text()).toContain("50000 read");
    expect(peak).toBeGreaterThan(0);
    // The file has 300 MB.
    expect(peak).toBeLessThan(250_000);
  },
  START_MS_MAX,
);
