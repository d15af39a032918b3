// What the page asks the server, and what the server's refusals are called.

const keyName = "moa.key";
let key = stored();

const reasons = {
  context_length_exceeded: "Too long for the model",
  kv_memory_exceeded: "Needs more memory than the server has for caches",
  queue_full: "The server is busy",
  too_many_requests: "The server is busy",
  waited_too_long: "The server was busy for too long",
  missing_api_key: "The server asks for a key",
  invalid_api_key: "Wrong key",
  timeout: "Took too long",
  out_of_memory: "The server is short of memory",
};

/** A refusal or a failure, said in words. */
export class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Takes a key for this tab; null forgets it. */
export function useKey(value) {
  key = value;
  try {
    if (value === null) sessionStorage.removeItem(keyName);
    else sessionStorage.setItem(keyName, value);
  } catch { /* Kept by this page alone, where the browser keeps nothing. */ }
}

export async function getJson(path) {
  return (await ask(path, {})).json();
}

/** The chunks of an answer, as they come. */
export async function* streamAnswer(body, signal) {
  const response = await ask("v1/chat/completions", { method: "POST", body: JSON.stringify(body), signal });
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ApiError(inWords(chunk.error));
    yield chunk;
  }
  throw new ApiError("The connection ended before the answer did.");
}

async function ask(path, options) {
  const headers = {};
  if (options.body) headers["Content-Type"] = "application/json";
  if (key !== null) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new ApiError("The server cannot be reached.");
  }
  if (response.ok) return response;
  const error = await response.json().then(body => body.error, () => null);
  throw new ApiError(inWords(error ?? { message: `status ${response.status}` }, response.headers.get("Retry-After")), response.status);
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) yield part.slice(6);
    }
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new ApiError("The connection broke before the answer ended.");
  } finally {
    reader.cancel().catch(() => { });
  }
}

function inWords(error, seconds) {
  const reason = reasons[error.code];
  const where = error.param && !error.message.startsWith(error.param) ? `${error.param}: ` : "";
  let text = reason ? `${reason}: ${error.message}` : where + error.message;
  text = text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
  return seconds ? `${text} Try again in ${seconds} s.` : text;
}

function stored() {
  try {
    return sessionStorage.getItem(keyName);
  } catch {
    return null;
  }
}
