/* Live pages: one socket at /live/, told what the page watches, answering with nudges.
 *
 *   we say      {"watch": ["run.7", "inbox"]}        when the socket opens and at each heartbeat
 *   it answers  {"topic": "run.7", "revision": 12}   at once for each topic, then whenever one grows
 *               {"tick": 3}                          every ten seconds
 *
 * A nudge carries no content: the fragment comes through the ordinary view. Where the socket is down, fragments are
 * polled. `live/state.js` decides; this file does.
 */

import { next, start } from "./live/state.js";
import { newer, refresh } from "./live/fragment.js";
import { guard } from "./live/guard.js";

const WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", stale: "Stale" };
const CLOCK = 500;

let state = start(Date.now());
let socket = null;
let shown = null;

/* What stands aside, as the count in the bar does, is kept up to date, and makes no page a live one. */
const isLive = () => watched().some((element) => element.dataset.liveAside === undefined);
const watched = () => [...document.querySelectorAll("[data-live-topic]")];
const topics = () => [...new Set(watched().map((element) => element.dataset.liveTopic))];

function feed(event) {
  const step = next(state, { now: Date.now(), chance: Math.random(), ...event });
  state = step.state;
  for (const effect of step.effects) DO[effect]();
  show();
}

const DO = {
  connect() {
    const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live/`);
    socket = opened;
    opened.addEventListener("open", () => opened === socket && feed({ type: "opened" }));
    opened.addEventListener("close", () => opened === socket && feed({ type: "closed" }));
    opened.addEventListener("message", (event) => opened === socket && receive(event.data));
  },
  drop() {
    const old = socket;
    socket = null;
    old?.close();
  },
  watch() {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ watch: topics() }));
  },
  async poll() {
    const answers = await Promise.all(watched().filter((element) => element.dataset.liveHref).map((element) => refresh(element.id)));
    feed({ type: "polled", ok: answers.length > 0 && answers.every(Boolean) });
  },
};

function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return;
  }
  const behind = watched().filter(({ dataset }) => dataset.liveTopic === message.topic && dataset.liveHref && newer(message.revision, dataset.liveRevision));
  feed({ type: "message", tick: message.tick, behind: behind.length > 0 });
  if (behind.length > 0) catchUp(behind, message.revision);
}

async function catchUp(elements, revision) {
  const answers = await Promise.all(elements.map((element) => refresh(element.id, revision)));
  feed({ type: "polled", ok: answers.every(Boolean) });
}

function show() {
  if (state.phase === shown || !isLive()) return;
  shown = state.phase;
  for (const indicator of document.querySelectorAll("[data-live-indicator]")) {
    indicator.hidden = false;
    indicator.dataset.phase = shown;
    indicator.querySelector("[data-live-word]").textContent = WORDS[shown];
  }
  for (const notice of document.querySelectorAll("[data-live-stale]")) notice.hidden = shown !== "stale";
  document.documentElement.dataset.live = shown;
  guard(shown === "stale");
}

function begin() {
  if (topics().length === 0) return;
  DO.connect();
  show();
  setInterval(() => feed({ type: "clock" }), CLOCK);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { DO.watch(); feed({ type: "clock" }); } });
  window.addEventListener("offline", () => { DO.drop(); feed({ type: "closed" }); });
  window.addEventListener("pagehide", () => DO.drop());
  window.addEventListener("pageshow", (event) => { if (event.persisted) feed({ type: "closed" }); });
}

begin();
