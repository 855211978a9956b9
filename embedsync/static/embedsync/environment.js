// Everything that the runtime takes from the browser without drawing anything. Tests replace it.

/**
 * @typedef {object} Environment
 * @property {(url: string) => WebSocket} connect opens a socket
 * @property {() => number} now wall clock, in milliseconds
 * @property {(call: () => void, milliseconds: number) => unknown} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {(call: () => void) => void} soon runs `call` after the present task
 * @property {() => number} random
 * @property {() => boolean} hidden nobody looks at the page
 * @property {(name: PageEvent, listener: (event: any) => void) => () => void} listen to the page; returns
 *   what stops it
 * @property {typeof fetch} fetch
 * @property {(error: unknown) => void} report tells the developer
 *
 * @typedef {"online" | "offline" | "pagehide" | "pageshow" | "visibilitychange" | "resume" | "focus"} PageEvent
 */

/** @returns {Environment} the one of this page */
export function browserEnvironment() {
  return {
    connect(url) {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      return socket;
    },
    now: () => Date.now(),
    setTimer: (call, milliseconds) => window.setTimeout(call, milliseconds),
    clearTimer: (timer) => window.clearTimeout(timer),
    soon: (call) => queueMicrotask(call),
    random: () => Math.random(),
    hidden: () => document.visibilityState === "hidden",
    listen(name, listener) {
      const target = name === "visibilitychange" || name === "resume" ? document : window;
      target.addEventListener(name, listener);
      return () => target.removeEventListener(name, listener);
    },
    fetch: (input, init) => fetch(input, init),
    report: (error) => console.error("embedsync:", error),
  };
}
