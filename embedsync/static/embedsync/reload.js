// Loads the page again when the server speaks another version, but not over and over.

/**
 * Does nothing if this version of the page was reloaded before: then the fault lies elsewhere.
 * @param {string} build
 */
export function reloadOnce(build) {
  const key = `embedsync:reloaded:${build}`;
  try {
    if (sessionStorage.getItem(key) !== null) return;
    sessionStorage.setItem(key, "yes");
  } catch {
    // Without storage nothing would stop the second time, and the third.
    return;
  }
  location.reload();
}
