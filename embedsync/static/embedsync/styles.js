// The look of what surrounds an app. It is adopted as a constructed style sheet, which no policy for
// styles forbids, and stands in a shadow tree, where the site's own rules don't reach. A site changes
// the colours by the custom properties, and size and margins by ordinary rules for `embed-app`. For tables and
// inputs of apps, see `--embedsync-table-text` and `--embedsync-input-scheme` in documents/stylesheets.js.

const TEXT = `
:host {
  --_line: var(--embedsync-line, #d8dce3);
  --_back: var(--embedsync-background, #f6f7f9);
  --_text: var(--embedsync-text, #3d4654);
  --_strong: var(--embedsync-accent, #1f5fbf);
  display: grid;
  grid-template: minmax(0, 1fr) / minmax(0, 1fr);
  position: relative;
}
:host([plain]) { display: contents; }
:host([hidden]) { display: none; }
.roots, .cover { grid-area: 1 / 1; min-width: 0; }
/* Whatever BokehJS stacks inside stays below the cover. */
.roots { isolation: isolate; }
.cover {
  position: relative; z-index: 1;
  align-content: center; box-sizing: border-box; display: grid; gap: 0.75em; justify-items: center;
  min-height: inherit; padding: 1em;
  background: var(--_back); border: 1px solid var(--_line); border-radius: 6px; color: var(--_text);
  font: 0.9375rem/1.5 system-ui, sans-serif; text-align: center;
  transition: opacity 0.2s;
}
.cover[hidden], .badge[hidden] { display: none; }
.pulse { animation: pulse 1.6s ease-in-out infinite; background: var(--_line); border-radius: 3px; height: 6px; width: 72px; }
@keyframes pulse { 50% { opacity: 0.35; } }
.missing { color: var(--_text); font: 0.9375rem/1.5 system-ui, sans-serif; margin: 0; padding: 1em; text-align: center; }
.error { font-size: 0.8125rem; opacity: 0.8; }
pre {
  box-sizing: border-box; font: 0.75rem/1.45 ui-monospace, monospace; margin: 0; max-height: 24em; max-width: 100%;
  overflow: auto; padding: 0.75em; text-align: left; white-space: pre;
  border: 1px solid var(--_line); border-radius: 4px;
}
button {
  background: none; border: 1px solid var(--_strong); border-radius: 4px; color: var(--_strong); cursor: pointer;
  font: inherit; padding: 0.25em 1em;
}
button:hover, button:focus-visible { background: var(--_strong); color: var(--_back); }
/* Below the app, to the left: toolbars are to the right, and the plot's own controls stay free. Of an app that
   reaches beyond the window, below what is seen of it. */
.badge {
  align-self: end; bottom: 4px; box-sizing: border-box; grid-area: 1 / 1; justify-self: start; margin: 4px;
  max-width: calc(100% - 8px); min-width: 0; padding: 0.125em 0.75em;
  pointer-events: none; position: sticky; z-index: 10;
  background: var(--_back); border: 1px solid var(--_line); border-radius: 1em; color: var(--_text);
  font: 0.8125rem/1.5 system-ui, sans-serif;
}
:host([plain]) .badge { left: 0; position: fixed; }
.badge button { border: 0; padding: 0; pointer-events: auto; text-decoration: underline; }
.badge button:hover, .badge button:focus-visible { background: none; color: var(--_text); }
.badge:has(details[open]) { border-radius: 6px; padding-bottom: 0.5em; }
.badge details { display: inline; pointer-events: auto; }
.badge summary { cursor: pointer; display: inline; text-decoration: underline; }
.badge pre { margin-top: 0.5em; max-height: min(24em, 50vh); }
@media (prefers-color-scheme: dark) {
  :host {
    --_line: var(--embedsync-line, #3a4250);
    --_back: var(--embedsync-background, #1d2229);
    --_text: var(--embedsync-text, #c5ccd8);
    --_strong: var(--embedsync-accent, #7fb0ff);
  }
}
@media (prefers-reduced-motion: reduce) {
  .pulse { animation: none; }
  .cover { transition: none; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** The one sheet that all elements share. */
export function styleSheet() {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}
