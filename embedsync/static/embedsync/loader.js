// Loads the scripts that documents need: in order, each once per page, by their URLs.

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/**
 * Load scripts. They are fetched side by side and run in order, also with those of earlier calls.
 * @param {string[]} urls absolute
 * @returns {Promise<void>} when the last has run
 */
export async function load(urls) {
  await Promise.all(urls.map((url) => loaded.get(url) ?? (isOnPage(url) ? undefined : insert(url))));
}

/**
 * Whether the page itself has loaded a script, before any module ran.
 * @param {string} url
 */
function isOnPage(url) {
  return [...document.scripts].some(({ src, async }) => src === url && !async);
}

/** @param {string} url */
function insert(url) {
  const script = document.createElement("script");
  script.src = url;
  // Inserted scripts run as they arrive, unless they are told to keep their order.
  script.async = false;
  /** @type {Promise<void>} */
  const promise = new Promise((resolve, reject) => {
    script.onload = () => resolve();
    script.onerror = () => {
      // The next attempt may go better.
      loaded.delete(url);
      script.remove();
      reject(new Error(`cannot load ${url}`));
    };
  });
  loaded.set(url, promise);
  document.head.append(script);
  return promise;
}

/**
 * Begin to fetch the scripts that an app needed last time, without running them: another version may
 * be right by now.
 * @param {string} name of the app and where it comes from
 */
export function preload(name) {
  for (const url of remembered(name)) {
    if (loaded.has(url)) continue;
    const link = document.createElement("link");
    link.rel = "preload";
    link.as = "script";
    link.href = url;
    document.head.append(link);
  }
}

/**
 * @param {string} name
 * @param {string[]} urls
 */
export function remember(name, urls) {
  try {
    localStorage.setItem(storageKey(name), JSON.stringify(urls));
  } catch {
    // Storage is full or forbidden; then the next page view begins a little later.
  }
}

/**
 * @param {string} name
 * @returns {string[]}
 */
function remembered(name) {
  try {
    const urls = JSON.parse(localStorage.getItem(storageKey(name)) ?? "[]");
    return Array.isArray(urls) ? urls.filter((url) => typeof url === "string" && isOurs(url)) : [];
  } catch {
    return [];
  }
}

/** @param {string} url what is remembered could have been put there by another script of the site */
function isOurs(url) {
  return new URL(url, location.href).origin === location.origin;
}

/** @param {string} name */
function storageKey(name) {
  return `embedsync:scripts:${name}`;
}
