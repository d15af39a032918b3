// What the server does, asked each second while the page is seen.

import { getJson } from "./api.js";
import { bytes, number, percent } from "./numbers.js";

const longestPause = 10_000;
const byId = id => document.getElementById(id);

/** What the server last said of itself, or null. */
export let state = null;

let pause = 1000, timer = 0, told = () => { };

/** Begins to ask. `tell` gets each state, or the failure to get one. */
export function watchServer(tell) {
  told = tell;
  document.addEventListener("visibilitychange", askNow);
  askNow();
}

/** Asks without waiting for the second to end. */
export async function askNow() {
  clearTimeout(timer);
  if (document.hidden) return;
  const asked = timer = setTimeout(askNow, longestPause);
  try {
    state = await getJson("moa/state");
    pause = 1000;
    show(state);
    await told(state, null);
    byId("state-error").hidden = true;
  } catch (failure) {
    pause = Math.min(2 * pause, longestPause);
    byId("state-error").textContent = failure.message;
    byId("state-error").hidden = false;
    await told(null, failure);
  }
  if (asked !== timer) return;
  clearTimeout(timer);
  timer = setTimeout(askNow, pause);
}

function show(now) {
  byId("model").textContent = `${now.model}, ${now.policy}${now.isStopping ? ", being stopped" : ""}`;
  document.title = `${now.model} – MoA`;
  byId("speed").textContent = number(now.newTokensPerSecond, 1);
  byId("running").textContent = `${number(now.running)} of at most ${number(now.maxSequences)}`;
  byId("waiting").textContent = `${number(now.waiting)} of at most ${number(now.queueLength)}`;
  byId("memory").textContent = `${bytes(now.cacheBytes)} of ${bytes(now.cacheLimit)}`;
  byId("prefixes").textContent = `${bytes(now.prefixBytes)} in ${number(now.prefixes)}`;
  byId("cached").textContent = now.promptTokens > 0 ? `${number(now.cachedTokens)} (${percent(now.cachedTokens / now.promptTokens)})` : "0";
}
