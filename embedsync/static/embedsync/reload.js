// Loads the page again when the server speaks another version, but not over and over.

const KEY = "embedsync:reloaded";
/** Versions for which one tab loads itself again. */
const MOST = 10;
/** Pages of a server that was replaced do not all come at once, but within this many milliseconds. */
const SPREAD = 3000;

/**
 * Load the page again, past all caches, after a pause. Does nothing if this version of the page was
 * reloaded before, or too many others were: then the fault lies elsewhere.
 * @param {string} build
 * @param {import("./environment.js").Environment} environment
 */
export function reloadOnce(build, environment) {
  if (mayReload(build, () => sessionStorage)) environment.setTimer(() => void reload(environment), environment.random() * SPREAD);
}

/**
 * Whether the page may load itself again; remembers that it did.
 * @param {string} build
 * @param {() => Pick<Storage, "getItem" | "setItem">} storage of this tab; may be forbidden
 */
export function mayReload(build, storage) {
  try {
    const reloaded = (storage().getItem(KEY) ?? "").split(" ").filter((each) => each !== "");
    if (reloaded.includes(build) || reloaded.length >= MOST) return false;
    storage().setItem(KEY, [...reloaded, build].join(" "));
    return true;
  } catch {
    // Without storage nothing would stop the second time, and the third.
    return false;
  }
}

/** @param {import("./environment.js").Environment} environment */
async function reload(environment) {
  try {
    // A page that was kept by the browser's cache would be the old one again.
    await environment.fetch(location.href, { cache: "reload", credentials: "include", signal: AbortSignal.timeout(5000) });
  } catch {
    // Loading it will fail as well, or not.
  }
  location.reload();
}
