// For the pages of `embedsync serve`, each of which is one app: the document's title is the page's.

import { mayReload } from "./reload.js";

/** What Bokeh calls a document whose author gave it no name. The page has a better one then. */
const UNNAMED = "Bokeh Application";

/** @type {WeakSet<object>} */
const followed = new WeakSet();

document.addEventListener("embedsync:live", ({ target }) => {
  const app = /** @type {import("./element.js").EmbedApp} */ (target);
  // The page did not wait for an app that took long, or whose documents had no page of their own until now.
  const isOurs = app.drawsPage && !app.hasAttribute("plain");
  if (isOurs && mayReload(`${location.pathname}${location.search}`, () => sessionStorage)) location.reload();
  for (const shown of /** @type {any} */ (window).Bokeh?.documents ?? []) follow(shown);
});

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
