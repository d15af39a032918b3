// Conversations, each under a name of its own in the browser's local storage, so that two tabs do not overwrite each other's.

const prefix = "moa.conversation.";

/** All conversations, the last used first. */
export const conversations = [];

/** Why they are not kept, or null. */
export let problem = null;

export function load() {
  try {
    for (let i = 0; i < localStorage.length; i++) take(localStorage.key(i));
  } catch {
    problem = "This browser lets the page keep nothing: conversations end with it.";
  }
  sort();
}

/** Reads a conversation again that another tab has changed; returns its id, or null where the name is of something else. */
export function reload(name) {
  if (!name?.startsWith(prefix)) return null;
  const id = name.slice(prefix.length);
  drop(id);
  take(name);
  sort();
  return id;
}

/** A new conversation; kept from its first message on. */
export function create(settings) {
  const id = Date.now().toString(36) + Math.random().toString(36).slice(2, 10);
  const conversation = { id, changed: Date.now(), settings: { ...settings }, messages: [] };
  conversations.unshift(conversation);
  return conversation;
}

export function find(id) {
  return conversations.find(conversation => conversation.id === id);
}

export function save(conversation) {
  if (!conversations.includes(conversation)) return;
  try {
    if (conversation.messages.length > 0) localStorage.setItem(prefix + conversation.id, JSON.stringify(conversation));
    else localStorage.removeItem(prefix + conversation.id);
    problem = null;
  } catch {
    problem = "This browser keeps no more: what is new ends with the page. Delete conversations to make room.";
  }
}

/** Puts a conversation before all others. */
export function touch(conversation) {
  conversation.changed = Date.now();
  sort();
}

export function remove(conversation) {
  drop(conversation.id);
  try {
    localStorage.removeItem(prefix + conversation.id);
  } catch { /* Nothing was kept. */ }
}

export function titleOf(conversation) {
  const first = conversation.messages.find(message => message.role === "user");
  return first ? first.content.trim().slice(0, 60) : "No question yet";
}

function drop(id) {
  const index = conversations.findIndex(conversation => conversation.id === id);
  if (index >= 0) conversations.splice(index, 1);
}

function sort() {
  conversations.sort((a, b) => b.changed - a.changed);
}

// What is no conversation of this page is left where it is.
function take(name) {
  if (!name.startsWith(prefix)) return;
  let read;
  try {
    read = JSON.parse(localStorage.getItem(name));
  } catch {
    return;
  }
  if (!Array.isArray(read?.messages) || !read.messages.every(isMessage)) return;
  // An answer that was being written when its page was closed.
  for (const message of read.messages) if (message.state === "running") message.state = "stopped";
  conversations.push({ id: name.slice(prefix.length), changed: Number(read.changed) || 0, settings: read.settings ?? {}, messages: read.messages });
}

function isMessage(message) {
  return typeof message?.content === "string" && (message.role === "user" || (message.role === "assistant" && typeof message.reasoning === "string" && Array.isArray(message.calls)));
}
