// Loads the page again when the server speaks another version, or has a better page; but not over and over.

/**
 * Does nothing if the page was reloaded for the same reason before: then the fault lies elsewhere.
 * @param {string} reason
 */
export function reloadOnce(reason) {
  const key = `embedsync:reloaded:${reason}`;
  try {
    if (sessionStorage.getItem(key) !== null) return;
    sessionStorage.setItem(key, "yes");
  } catch {
    // Without storage nothing would stop the second time, and the third.
    return;
  }
  location.reload();
}
