import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOSE } from "../../embedsync/static/embedsync/constants.js";
import { TicketRefused, refreshTicket, requestTicket } from "../../embedsync/static/embedsync/ticket.js";

/** A server that answers with a status and a body, and keeps what it was asked. */
function server(status, body) {
  const asked = [];
  const fetch = async (url, { body: question, credentials }) => {
    asked.push([url, JSON.parse(question), credentials]);
    return new Response(JSON.stringify(body), { status });
  };
  return { asked, fetch };
}

test("an old ticket is traded for a fresh one, with the visitor's cookies", async () => {
  const { asked, fetch } = server(200, { ticket: "fresh" });
  assert.equal(await refreshTicket("/live", "old", fetch), "fresh");
  assert.deepEqual(asked, [["/live/ticket", { ticket: "old" }, "include"]]);
});

test("a refusal is final, and a server that is not well is not", async () => {
  assert.equal(await refreshTicket("/live", "old", server(403, { code: 4301 }).fetch), CLOSE.TICKET_EXPIRED);
  assert.equal(await refreshTicket("/live", "old", server(403, { code: CLOSE.LOGGED_OUT }).fetch), CLOSE.LOGGED_OUT);
  await assert.rejects(refreshTicket("/live", "old", server(503, {}).fetch));
  await assert.rejects(refreshTicket("/live", "old", server(429, {}).fetch));
});

test("elements that show the same ask once, and others for themselves", async () => {
  const { asked, fetch } = server(200, { ticket: "one" });
  const ask = (given) => requestTicket("/live", "same", given, fetch);
  assert.deepEqual(await Promise.all([ask({ a: 1 }), ask({ a: 1 }), ask({ a: 2 })]), ["one", "one", "one"]);
  assert.deepEqual(
    asked.map(([, question]) => question),
    [
      { app: "same", arguments: { a: 1 } },
      { app: "same", arguments: { a: 2 } },
    ],
  );
});

test("after a refusal, which says why, it may be asked again", async () => {
  const refuse = server(404, { code: 4302 }).fetch;
  const refused = requestTicket("/live", "gone", {}, refuse);
  await assert.rejects(refused, (error) => error instanceof TicketRefused && error.code === 4302);
  assert.equal(await requestTicket("/live", "gone", {}, server(200, { ticket: "now" }).fetch), "now");
});
