// For the pages of `embedsync serve`, each of which is one app: the document's title is the page's.

import { mayReload } from "./reload.js";

/** What Bokeh calls a document whose author gave it no name. The page has a better one then. */
const UNNAMED = "Bokeh Application";

/** What the policies of our pages allow to apps that were seen to need it. */
const FORBIDDEN_AT_FIRST = ["eval", "inline", "blob"];

/** @type {WeakSet<object>} */
const followed = new WeakSet();

document.addEventListener("embedsync:live", ({ target }) => {
  const app = /** @type {import("./element.js").EmbedApp} */ (target);
  if (app.drawsPage && !app.hasAttribute("plain")) outgrow();
  for (const shown of /** @type {any} */ (window).Bokeh?.documents ?? []) follow(shown);
});

document.addEventListener("securitypolicyviolation", ({ blockedURI }) => {
  if (FORBIDDEN_AT_FIRST.includes(blockedURI)) outgrow();
});

/**
 * The page did not wait for an app that took long, or whose documents had until now neither a page of their own nor
 * JavaScript as text, which the policy of the page must allow. Made again, it fits; if not, it stays as it is.
 */
function outgrow() {
  if (mayReload(`${location.pathname}${location.search}`, () => sessionStorage)) location.reload();
}

/** @param {any} shown a document of BokehJS */
function follow(shown) {
  if (followed.has(shown)) return;
  followed.add(shown);
  const show = () => {
    const title = shown.title();
    if (title !== "" && title !== UNNAMED) document.title = title;
  };
  show();
  shown.on_change((/** @type {any} */ event) => event.kind === "TitleChanged" && show());
}
