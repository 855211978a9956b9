// The entry module: a page loads this one. It defines <embed-app> and exports what scripts may use.

import { sessions } from "./apps.js";
import { EmbedApp } from "./element.js";

export { EmbedApp, sessions };

/**
 * Show an app inside an element, from a script.
 * @param {HTMLElement} element
 * @param {{app: string, ticket: string, endpoint: string, root?: string, height?: string}} options
 * @returns {{element: EmbedApp, unmount: () => void}}
 */
export function mount(element, options) {
  const app = new EmbedApp();
  for (const [name, value] of Object.entries(options)) if (value !== undefined) app.setAttribute(name, value);
  element.append(app);
  return { element: app, unmount: () => app.remove() };
}

// Two copies of this module can meet on one page; the first one serves it.
if (customElements.get("embed-app") === undefined) customElements.define("embed-app", EmbedApp);
