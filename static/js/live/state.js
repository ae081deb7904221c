/* Whether a page is current, as a pure function: `next(state, event)` returns the new state and what is to be done.
 *
 *   connecting ─▶ live ─socket closed─▶ reconnecting ─the socket speaks─▶ live
 *   any of them ─nothing confirmed for STALE_AFTER─▶ stale ─confirmed─▶ live, or reconnecting where only polling works
 *
 * A page is confirmed when the server has said something since: a message on the socket, or an answer to a poll. It knows
 * no clock: each event carries `now` in milliseconds. Losing messages is expected, so at every heartbeat the page says again
 * what it watches, and the server answers with the current revisions.
 *
 * A socket that closed may mean a server that is gone. Then the page asks each second, by a poll, whether it is back, and dials
 * at once when it is. Where polls are answered and sockets are not, dialling takes its time, and polls go on in theirs.
 */

export const STALE_AFTER = 15_000;
export const POLL_EVERY = 5_000;
export const ASK_EVERY = 1_000;
export const SILENCE = 25_000;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 20_000;

export const start = (now) => ({ phase: "connecting", open: false, greeted: false, confirmedAt: now, heardAt: now, polledAt: now, retryAt: null, dialledAt: now, attempt: 0, asks: false, gone: false });

/** How long to wait before attempt n: doubling, capped, and spread by `chance` (0…1) so that a thousand pages don't return at once. */
export const delay = (attempt, chance) => Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt) * (0.5 + chance / 2);

/** Events: opened, message {tick?, behind?}, closed {chance}, polled {ok}, clock {chance}. Effects: connect, watch, poll, drop.
 *  A message that says the page is behind confirms nothing: what it announces has to be fetched first. */
export function next(state, event) {
  switch (event.type) {
    case "opened":
      return done({ ...state, open: true, retryAt: null, heardAt: event.now }, event.now, ["watch"]);
    case "message":
      return heard(state, event);
    case "closed":
      return done({ ...state, open: false, retryAt: event.now + delay(state.attempt, event.chance ?? 0), attempt: state.attempt + 1, asks: true }, event.now);
    case "polled":
      return polled(state, event);
    case "clock":
      return clock(state, event);
    default:
      return done(state, event.now);
  }
}

function heard(state, event) {
  const after = { ...state, open: true, greeted: true, attempt: 0, asks: false, gone: false, heardAt: event.now, confirmedAt: event.behind ? state.confirmedAt : event.now };
  return done(after, event.now, event.tick === undefined ? [] : ["watch"]);
}

function polled(state, event) {
  if (!event.ok) return done({ ...state, gone: !state.open }, event.now);
  const isBack = state.gone && !state.open;
  const after = { ...state, confirmedAt: event.now, asks: false, gone: false };
  return done(isBack ? { ...after, retryAt: event.now, attempt: 0 } : after, event.now);
}

function clock(state, event) {
  const effects = [];
  let after = state;
  const halfOpen = state.open && event.now - state.heardAt > SILENCE;
  const neverOpened = !state.open && state.retryAt === null && event.now - state.dialledAt > SILENCE;
  if (halfOpen || neverOpened) {
    // The socket says that it lives, or is about to, but nothing comes. Drop it and begin again.
    after = { ...after, open: false, greeted: true, retryAt: event.now + delay(0, event.chance ?? 0), attempt: 1 };
    effects.push("drop");
  }
  if (!after.open && after.retryAt !== null && event.now >= after.retryAt) {
    after = { ...after, retryAt: null, dialledAt: event.now };
    effects.push("connect");
  }
  const silent = !after.open || event.now - after.heardAt > STALE_AFTER - POLL_EVERY;
  if (silent && event.now - after.polledAt >= (after.asks || after.gone ? ASK_EVERY : POLL_EVERY)) {
    after = { ...after, polledAt: event.now };
    effects.push("poll");
  }
  return done(after, event.now, effects);
}

function done(state, now, effects = []) {
  return { state: { ...state, phase: phaseOf(state, now) }, effects };
}

function phaseOf(state, now) {
  if (now - state.confirmedAt > STALE_AFTER) return "stale";
  if (state.open && state.greeted) return "live";
  return state.attempt === 0 && !state.greeted ? "connecting" : "reconnecting";
}
