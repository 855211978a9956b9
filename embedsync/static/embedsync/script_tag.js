// For pages that no template of the site made:
//
//   <script src="https://site.example/live/embed.js" data-app="sliders" data-height="420px"></script>
//
// puts the app where the tag stands. Any other `data-` attribute of the tag is an argument for the app.
// A plain script and no module, so that it runs in pages of any origin, once for each tag, and can say
// why nothing comes.

(() => {
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  if (script === null) {
    console.error('embedsync: embed.js is a plain script. Leave type="module" out of its tag.');
    return;
  }
  const endpoint = new URL(".", script.src).href.replace(/\/$/, "");
  const { app, root, height, class: classes, ...given } = script.dataset;
  if (app === undefined) {
    console.error('embedsync: the script tag lacks data-app="the name of an app".', script);
    return;
  }

  const element = document.createElement("embed-app");
  element.setAttribute("endpoint", endpoint);
  element.setAttribute("app", app);
  if (root !== undefined) element.setAttribute("root", root);
  if (height !== undefined) element.setAttribute("height", height);
  if (classes !== undefined) element.className = classes;
  if (Object.keys(given).length > 0) element.setAttribute("arguments", JSON.stringify(given));
  script.after(element);

  import(`${endpoint}/{{runtime}}`).catch((error) => {
    console.error(
      `embedsync: ${endpoint} does not let pages of ${location.origin} show its live apps. If they are to, name ` +
        `"${location.origin}" in the setting allowed_origins there: EMBEDSYNC_ALLOWED_ORIGINS in Flask, ` +
        'EMBEDSYNC = {"ALLOWED_ORIGINS": […]} in Django, --allow-origin of embedsync serve.',
      error,
    );
  });
})();
