// Tells screen readers what is new: an answer sentence by sentence, at most every few seconds, never token by token.

import { noteOf } from "./messages.js";

const pause = 2500;

export class Speaker {
  #region;
  #message = null;
  #read = 0;
  #last = 0;

  constructor(region) {
    this.#region = region;
  }

  say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.#region.append(line);
    while (this.#region.children.length > 20) this.#region.firstElementChild.remove();
  }

  /** A question has been asked. */
  begin() {
    this.#region.replaceChildren();
    this.#last = performance.now();
  }

  /** Reads nothing of what is already there. */
  skip(message) {
    this.#message = message;
    this.#read = message?.state === "running" ? message.content.length : Infinity;
  }

  /** Reads what is new of an answer. */
  read(message, messages) {
    if (message !== this.#message) [this.#message, this.#read] = [message, 0];
    if (this.#read === Infinity) return;
    const now = performance.now(), rest = message.content.slice(this.#read);
    if (message.state !== "running") {
      this.#read = Infinity;
      this.say(`${rest} ${noteOf(message, messages)}`.trim());
      return;
    }
    if (now - this.#last < pause) return;
    const end = Math.max(rest.lastIndexOf(". "), rest.lastIndexOf("? "), rest.lastIndexOf("! "), rest.lastIndexOf("\n")) + 1;
    if (end === 0) return;
    this.#read += end;
    this.#last = now;
    this.say(rest.slice(0, end).trim());
  }
}
