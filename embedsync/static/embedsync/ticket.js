// A page's tickets grow old while it lies open. The server trades an authentic one for a fresh one.

/**
 * @param {string} endpoint
 * @param {string} ticket
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<string | null>} `null` if the server will not
 * @throws {Error} the server cannot be reached or is not well; it may be later
 */
export async function refreshTicket(endpoint, ticket, fetch) {
  const response = await fetch(`${endpoint}/ticket`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket }),
    credentials: "same-origin",
    signal: AbortSignal.timeout(10_000),
  });
  if (response.ok) return String((await response.json()).ticket);
  // Too many requests is the one of the 400s that waiting mends.
  if (response.status >= 400 && response.status < 500 && response.status !== 429) return null;
  throw new Error(`no fresh ticket: the server answered ${response.status}`);
}
