/** Runs the scripts of lua/ over the simulated commands. */
import { createHash } from "node:crypto";
import { loadLua, LuaError, type LuaScript } from "#simulation/lua/runtime";
import { listOf, Table } from "#simulation/lua/table";
import { runCommand, Status, type Place, type Reply } from "./commands.ts";
import { ErrorReply } from "./keyspace.ts";

interface Script {
  readonly run: LuaScript;
  /** It runs while the server is out of memory. */
  readonly frees: boolean;
}

export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

/** By hash; compiled once a process. */
const scripts = new Map<string, Script>();

/** Text → its hash: the same few texts are loaded over and over. */
const learned = new Map<string, string>();

let edited = (text: string): string => text;

/** Scripts run as `edit` makes them from now on, under the names that they have. */
export function editScripts(edit: (text: string) => string): void {
  edited = edit;
}

export function learnScript(text: string): string {
  const known = learned.get(text);
  if (known !== undefined) return known;
  const sha = sha1(text);
  const [head = ""] = text.split("\n", 1);
  scripts.set(sha, { run: loadLua(edited(text)), frees: head.includes("allow-oom") });
  learned.set(text, sha);
  return sha;
}

/** Runs one; throws an `ErrorReply` where Redis would answer an error. */
export function runScriptOf(
  place: Place & { readonly isFull: boolean },
  sha: string,
  key: string,
  args: readonly string[],
): Reply {
  const script = scripts.get(sha);
  if (!script) throw new Error(`a script that was never loaded: ${sha}`);
  if (place.isFull && !script.frees) {
    throw new ErrorReply(OUT_OF_MEMORY);
  }
  const call = (...words: unknown[]): unknown => {
    const texts: string[] = [];
    for (const word of words) texts.push(typeof word === "string" ? word : argument(word));
    return seenByLua(runCommand(place, texts));
  };
  const library = { call, sha1hex: (text: unknown) => sha1(argument(text)) };
  try {
    return replyOf(script.run(library, listOf([key]), listOf([...args])));
  } catch (error) {
    if (error instanceof ErrorReply) throw error;
    if (error instanceof LuaError || error instanceof TypeError) {
      throw new ErrorReply(`ERR ${error.message}`);
    }
    throw error;
  }
}

const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex");

function argument(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw new LuaError("Lua redis lib command arguments must be strings or integers");
}

function seenByLua(reply: Reply): unknown {
  if (typeof reply === "string" || typeof reply === "number") return reply;
  if (reply === null) return false;
  if (reply instanceof Status) return new Table([], { __proto__: null, ok: reply.text });
  return listOf(reply.map(seenByLua));
}

function replyOf(value: unknown): Reply {
  if (value === undefined || value === false) return null;
  if (value === true) return 1;
  if (typeof value === "string") return value;
  if (typeof value === "number") return Math.trunc(value);
  if (value instanceof Table) return value.list.map(replyOf);
  throw new LuaError("an answer that no reply can be made of");
}
