// The pieces of what surrounds an app, in its shadow tree.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} name its class, and its name for the site's `::part()` rules
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function part(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute("part", name);
  element.textContent = text;
  return element;
}

/**
 * A piece that is read out when it changes.
 * @param {string} name
 */
export function livePart(name) {
  const element = part("div", name);
  element.setAttribute("role", "status");
  element.setAttribute("aria-live", "polite");
  return element;
}
