import { boundedText } from "#lib/bounded-text";
import { deadlineAfter, withDeadline } from "#lib/deadline";

/** One call to a service that may be away, slow or wrong. */
export type Call = Readonly<{
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** A name and password in it are sent as HTTP's basic authentication. */
  url: string;
  /** Sent as JSON. */
  body?: unknown;
  /** JSON that is sent as it stands, instead of a body. */
  text?: string;
  headers?: Readonly<Record<string, string>>;
  /** From the call to the last byte of the answer. */
  withinMs: number;
  /** The longest answer that is read. Not given: the answer is its status. */
  bytesMax?: number;
  /** Gives the call up. */
  signal?: AbortSignal;
}>;

export type Called = Readonly<{ status: number; text: string }>;

/**
 * Calls once, over a connection of its own: at the pace of these calls a kept one is mostly dead.
 * Redirects are not followed. Rejects with the reason when there is no answer in time, or one
 * that is too long; whatever the other side does then is dropped.
 */
export async function callOut(call: Call): Promise<Called> {
  const giveUp = new AbortController();
  const end = () => giveUp.abort();
  if (call.signal?.aborted === true) end();
  call.signal?.addEventListener("abort", end);
  const late = () => {
    throw new Error(`no answer within ${call.withinMs} ms`);
  };
  try {
    return await withDeadline(ask(call, giveUp.signal), deadlineAfter(call.withinMs), late);
  } finally {
    // Whatever of the answer was not read is not sent either.
    end();
    call.signal?.removeEventListener("abort", end);
  }
}

async function ask(call: Call, signal: AbortSignal): Promise<Called> {
  const { url, headers } = addressed(call.url);
  const body = call.text ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  const response = await fetch(url, {
    method: call.method,
    headers: {
      ...headers,
      ...call.headers,
      accept: "application/json",
      "accept-encoding": "identity",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
    redirect: "manual",
    keepalive: false,
    // What is compressed all the same is not unpacked: its size would be the other side's to say.
    decompress: false,
    signal,
  });
  if (call.bytesMax === undefined) return { status: response.status, text: "" };
  return { status: response.status, text: await boundedText(response, call.bytesMax) };
}

/** `fetch` refuses a URL with a name and password in it. */
function addressed(given: string): { url: string; headers: Record<string, string> } {
  const url = new URL(given);
  const { username, password } = url;
  if (username === "" && password === "") return { url: given, headers: {} };
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  url.username = "";
  url.password = "";
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  return { url: url.href, headers: { authorization } };
}
