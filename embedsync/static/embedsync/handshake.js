// Finds out why a socket does not open. The browser does not tell.

/** With this HTTP status a server says that it was asked for a WebSocket, but not by one. */
export const NO_WEBSOCKET = 426;

/**
 * Whether the server can be reached, but not by WebSockets. If so, the developer is told what to change.
 * @param {string} url of the socket
 * @param {import("./environment.js").Environment} environment
 */
export async function isCutOff(url, environment) {
  try {
    const signal = AbortSignal.timeout(10_000);
    const { status } = await environment.fetch(url.replace(/^ws/, "http"), { cache: "no-store", signal });
    if (status !== NO_WEBSOCKET) return false;
  } catch {
    // It cannot be reached at all, or not by a page of another origin: there is nothing to tell.
    return false;
  }
  environment.report(
    new Error(
      `WebSockets do not reach ${url}, though the server answers there. Either a proxy in front takes off the ` +
        "headers Upgrade and Connection (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
        'proxy_set_header Connection "upgrade";), or it passes on another Host, so that this page is taken for one ' +
        "of another site, or the server knows no WebSockets. The server's log says which.",
    ),
  );
  return true;
}
