// Draws messages. Whatever a model or a user wrote is set as text, never as markup.

import { isRead } from "./answers.js";
import { bytes, number, percent } from "./numbers.js";

const drawn = new WeakMap();

/** Shows a conversation. */
export function showAll(list, messages) {
  list.replaceChildren(...messages.map(message => elementOf(message)));
  messages.forEach(message => show(message, messages));
}

/** Brings what is shown of a message up to date. */
export function show(message, messages) {
  const element = drawn.get(message);
  if (!element) return;
  showText(element.querySelector(".body"), message.content);
  if (message.role === "user") return;
  const thoughts = element.querySelector(".thoughts");
  thoughts.hidden = message.reasoning === "";
  showText(thoughts.lastElementChild, message.reasoning);
  showCalls(element.querySelector(".calls"), message.calls);
  const note = element.querySelector(".note, .error");
  note.className = message.state === "failed" ? "error" : "note";
  note.textContent = noteOf(message, messages);
}

/** What is said of an answer besides its text. */
export function noteOf(message, messages) {
  const parts = [];
  if (message.state === "running") return message.content || message.reasoning ? "" : "Waiting for the first token.";
  if (message.state === "stopped") parts.push("Stopped.");
  if (message.state === "failed") parts.push(message.error);
  if (message.finish === "length") parts.push("Ended at the most new tokens that it may have.");
  if (!isRead(messages, messages.indexOf(message))) parts.push("What follows leaves this question out.");
  if (message.took) parts.push(tookOf(message));
  return parts.join(" ");
}

function tookOf({ promptTokens, newTokens, took }) {
  const seconds = took.totalSeconds - took.firstTokenSeconds;
  const speed = newTokens > 1 && seconds > 0 ? `, ${number((newTokens - 1) / seconds, 1)} a second` : "";
  const found = took.cachedTokens > 0 ? ` (${number(took.cachedTokens)} were in kept caches)` : "";
  return `${number(newTokens)} tokens${speed}, the first after ${number(took.firstTokenSeconds, 2)} s; ` +
    `${number(promptTokens)} tokens of prompt${found}; ${bytes(took.kvBytes)} of caches, ${percent(took.density)} of dense attention's.`;
}

function elementOf(message) {
  let element = drawn.get(message);
  if (element) return element;
  element = make("li", `message ${message.role}`);
  const title = make("h3");
  title.textContent = message.role === "user" ? "You" : "Answer";
  element.append(title);
  if (message.role === "assistant") {
    const thoughts = make("details", "thoughts"), summary = make("summary");
    summary.textContent = "Thoughts";
    thoughts.append(summary, make("div"));
    element.append(thoughts, make("div", "body"), make("div", "calls"), make("p", "note"));
  } else {
    element.append(make("div", "body"));
  }
  drawn.set(message, element);
  return element;
}

// Texts only grow while they are written, so what is there stays: a selection in it lasts.
function showText(parent, text) {
  const parts = partsOf(text);
  while (parent.children.length > parts.length) parent.lastElementChild.remove();
  parts.forEach((part, index) => {
    let child = parent.children[index];
    if (child?.tagName !== (part.isCode ? "PRE" : "DIV")) {
      const made = part.isCode ? make("pre") : make("div", "plain");
      if (part.isCode) made.tabIndex = 0;
      (part.isCode ? made.appendChild(make("code")) : made).append("");
      if (child) child.replaceWith(made);
      else parent.append(made);
      child = made;
    }
    const node = (part.isCode ? child.firstElementChild : child).firstChild;
    if (node.data === part.text) return;
    if (part.text.startsWith(node.data)) node.appendData(part.text.slice(node.data.length));
    else node.data = part.text;
  });
}

function showCalls(parent, calls) {
  parent.replaceChildren(...calls.filter(Boolean).map(call => {
    const element = make("pre");
    element.tabIndex = 0;
    element.textContent = `calls ${call.name}(${call.arguments})`;
    return element;
  }));
}

// Fenced code apart from the rest.
function partsOf(text) {
  const parts = [];
  let fence = null, lines = [];
  const end = isCode => {
    if (isCode || lines.some(line => line.trim() !== "")) parts.push({ isCode, text: lines.join("\n").replace(isCode ? /$/ : /^\n+|\n+$/g, "") });
    lines = [];
  };
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence === null && mark && !mark[2].includes("`")) {
      end(false);
      fence = mark[1];
    } else if (fence !== null && mark && mark[1].startsWith(fence) && mark[2].trim() === "") {
      end(true);
      fence = null;
    } else {
      lines.push(line);
    }
  }
  end(fence !== null);
  return parts;
}

function make(tag, name = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  return element;
}
