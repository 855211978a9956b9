// Loads the scripts that documents need: in order, each once per page, by their URLs. Style sheets are told by
// their ending, modules by the fragment that the server puts behind their URL.

import { adoptStylesOf } from "./documents/stylesheets.js";

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
  const element = isStyleSheet(url) ? styleSheet(url) : script(url);
  const hasRun = adoptStylesOf(element);
  /** @type {Promise<void>} */
  const promise = new Promise((resolve, reject) => {
    element.onload = () => {
      hasRun();
      resolve();
    };
    element.onerror = () => {
      hasRun();
      // The next attempt may go better.
      loaded.delete(url);
      element.remove();
      if (!isStyleSheet(url)) return reject(new Error(`cannot load ${url}`));
      // What is there works without its looks.
      console.warn(`embedsync: cannot load ${url}`);
      resolve();
    };
  });
  loaded.set(url, promise);
  document.head.append(element);
  return promise;
}

/** What the page's policy lets its scripts in by, if it is a nonce. */
function pageNonce() {
  return [...document.scripts].find(({ nonce }) => nonce)?.nonce ?? "";
}

/** @param {string} url */
function script(url) {
  const element = document.createElement("script");
  element.src = url;
  element.nonce = pageNonce();
  if (isModule(url)) element.type = "module";
  // Inserted scripts run as they arrive, unless they are told to keep their order.
  element.async = false;
  return element;
}

/** @param {string} url */
function styleSheet(url) {
  const element = document.createElement("link");
  element.rel = "stylesheet";
  element.href = url;
  return element;
}

/** @param {string} url */
function isStyleSheet(url) {
  return new URL(url, location.href).pathname.endsWith(".css");
}

/** @param {string} url */
function isModule(url) {
  return url.endsWith("#module");
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
    link.rel = isModule(url) ? "modulepreload" : "preload";
    link.as = isStyleSheet(url) ? "style" : "script";
    link.href = url;
    link.nonce = pageNonce();
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
