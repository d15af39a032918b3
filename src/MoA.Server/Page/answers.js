// Answers that are being written. Several conversations may have one each; leaving a conversation does not end its answer.

import { streamAnswer } from "./api.js";
import { save } from "./store.js";

const running = new Map();

export function isRunning(conversation) {
  return running.has(conversation.id);
}

export function stop(conversation) {
  running.get(conversation.id)?.abort();
}

/** Keeps what has been written so far of all answers. */
export function saveAll(find) {
  for (const id of running.keys()) if (find(id)) save(find(id));
}

/** Asks for the answer to a conversation's last question; `changed` is told of whatever is new in it. */
export async function answer(conversation, changed) {
  const controller = new AbortController();
  const body = bodyOf(conversation);
  const message = { role: "assistant", content: "", reasoning: "", calls: [], state: "running", promptTokens: 0, newTokens: 0 };
  conversation.messages.push(message);
  running.set(conversation.id, controller);
  save(conversation);
  changed(message);
  let saved = performance.now();
  try {
    for await (const chunk of streamAnswer(body, controller.signal)) {
      add(message, chunk);
      changed(message);
      if (performance.now() - saved > 1000) {
        save(conversation);
        saved = performance.now();
      }
    }
    message.state = "done";
  } catch (failure) {
    message.state = controller.signal.aborted ? "stopped" : "failed";
    if (message.state === "failed") message.error = failure.message;
    message.status = failure.status;
  } finally {
    running.delete(conversation.id);
    save(conversation);
    changed(message);
  }
}

/** Whether a question and its answer are part of what the model reads: one that was never answered is not. */
export function isRead(messages, index) {
  const message = messages[index], reply = message.role === "user" ? messages[index + 1] : message;
  return reply === undefined || reply.content !== "";
}

function bodyOf({ settings, messages }) {
  const read = messages.filter((_, index) => isRead(messages, index)).map(message => message.role === "user" || !message.reasoning
    ? { role: message.role, content: message.content }
    : { role: message.role, content: message.content, reasoning_content: message.reasoning });
  if (settings.system) read.unshift({ role: "system", content: settings.system });
  const body = { messages: read, stream: true, stream_options: { include_usage: true } };
  if (settings.temperature) body.temperature = Number(settings.temperature);
  if (settings.maxTokens) body.max_completion_tokens = Number(settings.maxTokens);
  if (settings.seed) body.seed = Number(settings.seed);
  return body;
}

function add(message, chunk) {
  const choice = chunk.choices[0], delta = choice?.delta ?? {};
  if (choice && !choice.finish_reason) {
    // A piece is a token, but for those whose text ends within a character; the usage has the exact number.
    if (delta.role) message.promptTokens = chunk.moa?.promptTokens ?? 0;
    else message.newTokens++;
  }
  message.content += delta.content ?? "";
  message.reasoning += delta.reasoning_content ?? "";
  for (const call of delta.tool_calls ?? []) {
    const known = message.calls[call.index] ??= { name: "", arguments: "" };
    known.name += call.function?.name ?? "";
    known.arguments += call.function?.arguments ?? "";
  }
  if (choice?.finish_reason) message.finish = choice.finish_reason;
  if (chunk.usage) {
    message.promptTokens = chunk.usage.prompt_tokens;
    message.newTokens = chunk.usage.completion_tokens;
    message.took = chunk.moa;
  }
}
