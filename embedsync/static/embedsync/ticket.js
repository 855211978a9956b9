// Tickets: a page's grow old while it lies open, and a page that no template made has none at first.

import { CLOSE } from "./constants.js";

/** The server will not give a ticket, and waiting would not change that. */
export class TicketRefused extends Error {
  /** @param {number} code why, as a close code */
  constructor(code) {
    super(`no ticket was given (${code})`);
    this.code = code;
  }
}

/**
 * Trade an authentic ticket, expired or not, for a fresh one.
 * @param {string} endpoint
 * @param {string} ticket
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<string | number>} a close code, for what to tell the visitor, if the server will not
 * @throws {Error} the server cannot be reached or is not well; it may be later
 */
export async function refreshTicket(endpoint, ticket, fetch) {
  try {
    return await ask(endpoint, { ticket }, fetch);
  } catch (error) {
    if (!(error instanceof TicketRefused)) throw error;
    // Whatever else it is, a fresh page may mend it.
    return error.code === CLOSE.LOGGED_OUT ? error.code : CLOSE.TICKET_EXPIRED;
  }
}

/** What was asked for on this page: elements that show the same share a session. @type {Map<string, Promise<string>>} */
const requested = new Map();

/**
 * Ask for a ticket for an app by its name.
 * @param {string} endpoint
 * @param {string} app
 * @param {Record<string, unknown>} given arguments for the app
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<string>}
 * @throws {TicketRefused} the server will not give one
 * @throws {Error} the server cannot be reached or is not well; it may be later
 */
export function requestTicket(endpoint, app, given, fetch) {
  const key = JSON.stringify([endpoint, app, given]);
  const present = requested.get(key);
  if (present !== undefined) return present;
  const asked = ask(endpoint, { app, arguments: given }, fetch);
  requested.set(key, asked);
  asked.catch(() => requested.delete(key));
  return asked;
}

/**
 * @param {string} endpoint
 * @param {object} question
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<string>}
 */
async function ask(endpoint, question, fetch) {
  const response = await fetch(`${endpoint}/ticket`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
    // The socket brings the visitor's cookies along, also to another origin. A ticket is for the same visitor.
    credentials: "include",
    signal: AbortSignal.timeout(10_000),
  });
  if (response.ok) return String((await response.json()).ticket);
  // Too many requests is the one of the 400s that waiting mends.
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    const { code } = await response.json().catch(() => ({}));
    throw new TicketRefused(typeof code === "number" ? code : 4301);
  }
  throw new Error(`no ticket: the server answered ${response.status}`);
}
