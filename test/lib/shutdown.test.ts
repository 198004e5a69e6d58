import { describe, expect, test } from "bun:test";
import { createLog } from "#lib/log";
import { createShutdown } from "#lib/shutdown";

function prepare(graceMs = 5000) {
  const lines: string[] = [];
  const exits: number[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
  const shutdown = createShutdown({ log, graceMs, exit: (code) => void exits.push(code) });
  return { shutdown, lines, exits };
}

describe("a shutdown", () => {
  test("runs its steps one after the other in the order they were added", async () => {
    const { shutdown, exits, lines } = prepare();
    const order: string[] = [];
    shutdown.add("listener", async () => {
      await new Promise((resolve) => void setImmediate(resolve));
      order.push("listener");
    });
    shutdown.add("connections", () => void order.push("connections"));
    expect(shutdown.stopping()).toBe(false);
    const stopped = shutdown.stop("test");
    expect(shutdown.stopping()).toBe(true);
    await stopped;
    expect(order).toEqual(["listener", "connections"]);
    expect(exits).toEqual([0]);
    expect(lines.at(-1)).toContain('"message":"stopped"');
  });

  test("runs each step once however often it is asked to stop", async () => {
    const { shutdown, exits } = prepare();
    let runs = 0;
    shutdown.add("count", () => void (runs += 1));
    await Promise.all([shutdown.stop("one"), shutdown.stop("two")]);
    expect([runs, exits]).toEqual([1, [0]]);
  });

  test("goes on after a step that failed, and exits with an error", async () => {
    const { shutdown, lines, exits } = prepare();
    let ran = false;
    shutdown.add("broken", () => Promise.reject(new Error("cannot close")));
    shutdown.add("next", () => void (ran = true));
    await shutdown.stop("test");
    expect(ran).toBe(true);
    expect(exits).toEqual([1]);
    expect(lines.join("")).toContain("cannot close");
  });

  test("is cut off at the end of the grace period and names the step that hung", async () => {
    const { shutdown, lines, exits } = prepare(5);
    shutdown.add("stuck", () => new Promise<void>(() => {}));
    await shutdown.stop("test");
    expect(exits).toEqual([1]);
    expect(lines.join("")).toContain('"step":"stuck"');
  });

  test("keeps the worse exit code when an error joins a stop in progress", async () => {
    const { shutdown, exits } = prepare();
    shutdown.add("slow", () => new Promise((resolve) => void setImmediate(resolve)));
    await Promise.all([shutdown.stop("SIGTERM"), shutdown.stop("unhandled error", 1)]);
    expect(exits).toEqual([1]);
  });
});

describe("an armed process", () => {
  test("on SIGTERM and on SIGINT runs its steps and exits with 0", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const child = await start('shutdown.add("step", () => console.log("stepped"));');
      child.kill(signal);
      expect(await child.exited).toBe(0);
      expect(await child.rest()).toContain("stepped");
    }
  });

  test("on a second signal exits at once, but not on the echo of the first", async () => {
    const child = await start(`
      shutdown.add("stuck", () => {
        console.log("stuck");
        setTimeout(() => console.log("later"), 1_100);
        return new Promise(() => {});
      });
    `);
    child.kill("SIGINT");
    child.kill("SIGTERM");
    await child.readUntil("later\n");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
  });

  test("on an error that nothing caught runs its steps and exits with 1", async () => {
    for (const fault of ['throw new Error("boom")', 'void Promise.reject(new Error("boom"))']) {
      const child = await start(`
        shutdown.add("step", () => console.log("stepped"));
        setImmediate(() => { ${fault} });
      `);
      expect(await child.exited).toBe(1);
      const output = await child.rest();
      expect(output).toContain("boom");
      expect(output).toContain("stepped");
    }
  });
});

/** A process of its own that has armed a shutdown, run `body`, and said so. */
async function start(body: string) {
  const script = `
    import { createLog } from "#lib/log";
    import { createShutdown } from "#lib/shutdown";
    const log = createLog({ level: "info", format: "json" });
    const shutdown = createShutdown({ log, graceMs: 10_000 });
    shutdown.arm();
    setInterval(() => {}, 1000);
    ${body}
    console.log("armed");
  `;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let output = "";
  const readUntil = async (text: string) => {
    while (!output.includes(text)) {
      const { done, value } = await reader.read();
      if (done) return;
      output += value;
    }
  };
  await readUntil("armed\n");
  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    exited: child.exited,
    readUntil,
    rest: async () => {
      await readUntil("\0");
      return output;
    },
  };
}
