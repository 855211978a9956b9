// What a visitor is told when an app cannot go on.

import { CLOSE } from "./constants.js";
import { NO_WEBSOCKET } from "./handshake.js";

/**
 * @typedef {object} Message
 * @property {string} text
 * @property {"open" | "reload" | null} again what trying again means; `null` where it would not help
 */

/** What a visitor is told who has waited for long: for an app that takes its time, or for the server. */
export const STILL_LOADING = "Still loading. This takes longer than usual…";
export const UNREACHABLE = "Still trying to reach the server…";
/** What a visitor is told who is not let in for now, while the page tries again. @type {Record<number, string>} */
const DELAYS = {
  [CLOSE.BUSY]: "Many people are here just now. Waiting for a free place…",
  [NO_WEBSOCKET]: "The server answers, but live connections (WebSockets) are not let through to it. Still trying…",
};

/** With this code the server's WebSocket library closes, before the engine sees what was sent. */
const TOO_BIG_FOR_LIBRARY = 1009;
/** @type {Message} */
const TOO_BIG = { text: "What was sent is too big for the server.", again: "open" };

/** @type {Record<number, Message>} */
const MESSAGES = {
  [CLOSE.NORMAL]: { text: "This app has been closed.", again: "open" },
  [CLOSE.INTERNAL_ERROR]: { text: "This app could not be shown.", again: "open" },
  [CLOSE.TOO_BIG]: TOO_BIG,
  [TOO_BIG_FOR_LIBRARY]: TOO_BIG,
  [CLOSE.TICKET_EXPIRED]: { text: "This page is out of date. Load it again to go on.", again: "reload" },
  [CLOSE.LOGGED_OUT]: { text: "You have been logged out. Load the page again to go on.", again: "reload" },
  // Usually the page opens a new session by itself; some apps forbid that.
  [CLOSE.SESSION_GONE]: { text: "The connection to this app was lost.", again: "open" },
  [CLOSE.RELOAD]: { text: "A newer version of this page is available.", again: "reload" },
  [CLOSE.FORBIDDEN]: { text: "You are not allowed to use this app.", again: "reload" },
  [CLOSE.UNKNOWN_APP]: { text: "This app does not exist here.", again: null },
  [CLOSE.BUILD_FAILED]: { text: "This app could not be started.", again: "open" },
  [CLOSE.SUPERSEDED]: { text: "This app is open in another place.", again: "open" },
  [CLOSE.TOO_SLOW]: { text: "This app took too long and was stopped.", again: "open" },
  [CLOSE.ENDED]: { text: "This session has ended.", again: "open" },
};

/**
 * @param {number} code a close code
 * @returns {Message}
 */
export function messageFor(code) {
  return MESSAGES[code] ?? { text: "Something went wrong with this app.", again: "open" };
}

/**
 * @param {number} code why somebody is not let in for now
 * @returns {string | null} what to say; `null` if waiting will do
 */
export function delayText(code) {
  return DELAYS[code] ?? null;
}

/**
 * What a visitor is told whose session the server had lost, and whose inputs, if any, were put in again.
 * @param {number} inputs all of them
 * @param {number} missing those for which there was no place any more
 */
export function restoredText(inputs, missing) {
  if (inputs === 0) return "Reconnected. The app has begun anew.";
  if (missing === 0) return "Reconnected. What you had put in was restored.";
  if (missing === inputs) return "Reconnected. What you had put in could not be restored.";
  return `Reconnected. ${missing} of ${inputs} inputs could not be restored.`;
}
