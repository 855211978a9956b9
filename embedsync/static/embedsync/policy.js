// Says what to do when the site's Content-Security-Policy forbids something that a document needs.

let explained = false;

/**
 * Some Bokeh models (`CustomJS` and its relatives) are JavaScript text, which only runs where the policy
 * allows `unsafe-eval`. BokehJS fails deep inside then; this says why, once.
 * @param {EventTarget} [target]
 */
export function explainBlockedEval(target = document) {
  if (explained) return;
  explained = true;
  const explain = (/** @type {any} */ event) => {
    if (event.blockedURI !== "eval") return;
    target.removeEventListener("securitypolicyviolation", explain);
    console.error(
      "embedsync: an app on this page uses a Bokeh model that carries JavaScript as text (CustomJS, " +
        "CustomJSHover, CustomJSTickFormatter, ...), and the page's Content-Security-Policy forbids to run " +
        "that. Write it as a Python callback instead, or add 'unsafe-eval' to script-src on this page " +
        "(embedsync serve: --allow-eval).",
    );
  };
  target.addEventListener("securitypolicyviolation", explain);
}
