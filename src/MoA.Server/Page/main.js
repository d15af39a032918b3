// The page: puts conversations, answers, the map and the server's state together.

import { answer, isRunning, saveAll, stop } from "./answers.js";
import { useKey } from "./api.js";
import { show, showAll } from "./messages.js";
import { showRows, watchTable } from "./rows.js";
import { askNow, state, watchServer } from "./server.js";
import { Speaker } from "./speaker.js";
import * as store from "./store.js";

const byId = id => document.getElementById(id);
const question = byId("question"), settings = byId("settings");
const speaker = new Speaker(byId("spoken"));
let current, frame = 0;
const changedMessages = new Set();

store.load();
const fields = [...settings.elements];
open(store.find(location.hash.slice(1)) ?? store.conversations[0] ?? store.create({}));
watchTable();
watchServer(serverTold);
question.focus();

byId("ask").addEventListener("submit", event => {
  event.preventDefault();
  send();
});
question.addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
document.addEventListener("keydown", event => {
  if (event.key === "Escape" && !event.isComposing && isRunning(current)) stop(current);
});
byId("stop").addEventListener("click", () => stop(current));
byId("again").addEventListener("click", () => {
  if (!settingsHold()) return;
  current.messages.pop();
  ask();
});
byId("edit").addEventListener("click", () => {
  current.messages.pop();
  question.value = current.messages.pop().content;
  store.save(current);
  open(current);
  question.focus();
});
byId("new").addEventListener("click", () => {
  open(store.conversations.find(conversation => conversation.messages.length === 0) ?? store.create(current.settings));
  question.focus();
});
byId("delete-all").addEventListener("click", () => {
  if (!confirm("Delete all conversations?")) return;
  for (const conversation of [...store.conversations]) remove(conversation);
  open(store.create(current.settings));
  byId("new").focus();
});
settings.addEventListener("submit", event => event.preventDefault());
settings.addEventListener("input", () => {
  for (const field of fields) current.settings[field.name] = field.validity.badInput ? "?" : field.value;
  store.save(current);
  problem(null);
});
byId("key-form").addEventListener("submit", event => {
  event.preventDefault();
  const key = byId("key").value.trim();
  if (!/^[\x21-\x7e]+$/.test(key)) {
    keyProblem("A key has only letters, digits and signs of ASCII, and no spaces.");
    return;
  }
  useKey(key);
  askNow();
});
for (const toggle of document.querySelectorAll(".toggle")) {
  toggle.addEventListener("click", () => {
    const isShown = byId(toggle.getAttribute("aria-controls")).classList.toggle("shown");
    toggle.setAttribute("aria-expanded", isShown);
  });
}
window.addEventListener("pagehide", () => saveAll(store.find));
window.addEventListener("hashchange", () => {
  const asked = store.find(location.hash.slice(1));
  if (asked) open(asked);
});
window.addEventListener("storage", event => {
  const known = store.find(event.key?.split(".").pop() ?? "");
  if (known && isRunning(known)) {
    if (event.newValue !== null) return; // This tab writes it.
    stop(known);
  }
  const id = store.reload(event.key);
  if (id === null) return;
  if (id === current.id) open(store.find(id) ?? store.create(current.settings));
  else drawList();
});

function send() {
  const text = question.value;
  if (text.trim() === "") return;
  if (isRunning(current)) {
    problem("An answer is being written; wait for its end, or stop it with Esc.");
    return;
  }
  if (!settingsHold()) return;
  current.messages.push({ role: "user", content: text });
  question.value = "";
  store.touch(current);
  ask();
}

function ask() {
  const conversation = current;
  problem(null);
  const written = answer(conversation, message => changed(conversation, message));
  open(conversation);
  question.focus();
  goToEnd();
  speaker.begin();
  askNow();
  written.then(() => askNow());
}

// Called for each token; what is seen changes once a frame.
function changed(conversation, message) {
  if (message.state !== "running") {
    drawList();
    storageTold();
    if (message.status === 401) asksForKey(message.error);
  }
  if (conversation !== current) return;
  changedMessages.add(message);
  frame ||= requestAnimationFrame(drawChanges);
}

function drawChanges() {
  frame = 0;
  const isSeen = isAtEnd();
  for (const message of changedMessages) {
    if (!current.messages.includes(message)) continue; // another conversation came to be seen meanwhile
    show(message, current.messages);
    if (message === current.messages.at(-1)) speaker.read(message, current.messages);
  }
  changedMessages.clear();
  drawButtons();
  if (isSeen) goToEnd();
}

// In narrow windows the page scrolls as a whole.
function scroller() {
  const log = byId("log");
  return getComputedStyle(log).overflowY === "auto" ? log : document.scrollingElement;
}

function isAtEnd() {
  const { scrollHeight, scrollTop, clientHeight } = scroller();
  return scrollHeight - scrollTop - clientHeight < 40;
}

function goToEnd() {
  scroller().scrollTop = scroller().scrollHeight;
}

function open(conversation) {
  const isOther = conversation !== current;
  current = conversation;
  if (conversation.messages.length > 0) history.replaceState(null, "", `#${conversation.id}`);
  else history.replaceState(null, "", location.pathname);
  showAll(byId("messages"), conversation.messages);
  if (isOther) {
    for (const field of fields) field.value = conversation.settings[field.name] ?? "";
    goToEnd();
    problem(null);
    speaker.skip(conversation.messages.at(-1));
  }
  drawList();
  drawButtons();
  if (state) drawRows().catch(() => { });
}

function drawList() {
  const list = byId("list"), focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...store.conversations.map(conversation => {
    const title = store.titleOf(conversation), item = document.createElement("li");
    const opens = document.createElement("button"), deletes = document.createElement("button");
    opens.type = deletes.type = "button";
    opens.className = "open";
    opens.textContent = isRunning(conversation) ? `${title} …` : title;
    if (conversation === current) opens.setAttribute("aria-current", "true");
    opens.addEventListener("click", () => {
      open(conversation);
      byId("list").querySelector("[aria-current]").focus();
    });
    deletes.textContent = "×";
    deletes.title = "Delete";
    deletes.setAttribute("aria-label", `Delete: ${title}`);
    deletes.addEventListener("click", () => {
      if (!confirm(`Delete the conversation “${title}”?`)) return;
      remove(conversation);
      if (conversation === current) open(store.conversations[0] ?? store.create(current.settings));
      drawList();
      byId("new").focus();
    });
    item.append(opens, deletes);
    return item;
  }));
  if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
}

function drawButtons() {
  const runs = isRunning(current), last = current.messages.at(-1);
  byId("send").hidden = runs;
  byId("stop").hidden = !runs;
  byId("again").hidden = byId("edit").hidden = runs || last?.role !== "assistant";
  // A button that goes takes the focus along.
  if (document.activeElement === document.body) question.focus();
}

function remove(conversation) {
  stop(conversation);
  store.remove(conversation);
}

async function serverTold(now, failure) {
  if (failure?.status === 401) asksForKey(failure.message);
  if (!now) return;
  byId("key-form").hidden = true;
  await drawRows();
}

function drawRows() {
  const last = current.messages.findLast(message => message.promptTokens > 0);
  const most = state.contextLength;
  if (!last) return showRows(most, most, true);
  const wanted = Number(current.settings.maxTokens) || state.defaultNewTokens;
  const tokens = Math.min(last.promptTokens + last.newTokens, most);
  return showRows(tokens, Math.max(Math.min(last.promptTokens + wanted, most), tokens), false);
}

function asksForKey(message) {
  const form = byId("key-form"), isNew = form.hidden;
  form.hidden = false;
  keyProblem(message);
  if (isNew) byId("key").focus();
}

function keyProblem(message) {
  byId("key-error").hidden = false;
  if (byId("key-error").textContent === message) return;
  byId("key-error").textContent = message;
  speaker.say(message);
}

function settingsHold() {
  const wrong = fields.find(field => !field.checkValidity());
  if (!wrong) return true;
  problem(`${wrong.labels[0].textContent}: ${wrong.validationMessage}`);
  return false;
}

function problem(message) {
  byId("problem").textContent = message ?? "";
  byId("problem").hidden = !message;
  if (message) speaker.say(message);
}

function storageTold() {
  if (store.problem) problem(store.problem);
}
