// The replica: one browser's copy of a session's document. PROTOCOL.md, "What a replica does", has
// the rules; the numbers in comments below are those of its list. Knows no DOM and no Bokeh.

import { backoff } from "./backoff.js";
import { ACTION, CLOSE, NOTICE, PROTOCOL_VERSION, actionOf } from "./constants.js";
import { Edits, keysOf } from "./edits.js";
import { Held } from "./held.js";
import { Journal } from "./journal.js";
import { run } from "./steps.js";
import { encode } from "./wire.js";

/** An acknowledgement is sent after so many ops and results, or so many milliseconds, if it says anything new. */
const ACKNOWLEDGE_AFTER = 32;
const ACKNOWLEDGE_WITHIN = 1000;
/** Frames that may wait for scripts to load. More means that something hangs. */
const MOST_WAITING_FRAMES = 4096;
/** Edits that may wait to be sent. More means a page that has been cut off for long. */
const MOST_UNSENT_EDITS = 1000;
/** Changes that have no form for the server are undone at most every so many milliseconds. */
const UNSENDABLE_PAUSE = 10_000;

/**
 * `opening`: nothing to show yet. `live`: in sync. `waiting`: cut off, will be back by itself.
 * `stopped`: over, until someone opens it again.
 * @typedef {"opening" | "live" | "waiting" | "stopped"} State
 *
 * Something that concerns the person or the page; see `NOTICE`. `detail` is a traceback, in debug mode only.
 * @typedef {{kind: string, error: string, detail: string, busy: boolean}} Notice
 *
 * What a session tells the page.
 * @typedef {object} SessionEvents
 * @property {(state: State) => void} state
 * @property {() => void} shown the document was shown for the first time, or replaced by another
 * @property {(code: number) => void} delayed was not let in, for now, and tries again by
 *   itself: a close code, or `NO_WEBSOCKET`
 * @property {(end: {code: number, error: string, detail: string}) => void} ended and will not go on by itself
 * @property {(notice: Notice) => void} notice
 * @property {(told: {inputs: number, missing: number}) => void} restored a new session took the place of one
 *   that is gone, and what the person had put in, if anything, was put in again, but for those that are missing
 * @property {(told: {reason: "refused" | "lost", code: string, edits: number, keys?: string[]}) => void} rejected
 *   edits that the person made and that did not come to count; `keys` are the properties of one that is too big
 *
 * What a session does with a frame: it is done at once, but for what comes after a change that the document waits for.
 * @typedef {Generator<unknown, void, any>} Steps
 *
 * What a session asks of the page. All URLs are as the server wrote them.
 * @typedef {object} SessionPage
 * @property {(kind: string) => Promise<import("./document.js").DocumentAdapter>} document makes the adapter for
 *   a kind of document
 * @property {(urls: string[]) => Promise<void>} load loads scripts, each once
 * @property {(ticket: string) => Promise<string | number>} refresh trades a ticket for a fresh one; a close code
 *   if that is refused
 * @property {(code: number) => void} reload loads the page again
 */

export class Session {
  /** @type {State} */
  state = "opening";
  id = "";
  client = "";
  epoch = "";
  seq = 0;
  /** @type {import("./document.js").DocumentAdapter | null} */
  document = null;

  #secret = "";
  #attachment = 0;
  #edits = new Edits();
  #held = new Held();
  #journal = new Journal();
  /** The server lets a new session take over what was put into one that is gone. */
  #recovers = false;
  /** Buffers that were named so far. */
  #buffers = 0;
  #messageBytes = Infinity;
  /** Ops and results since the last acknowledgement. */
  #toAcknowledge = 0;
  /** Last answer that was acknowledged on this attachment, or -1: then not even its secret was. */
  #acknowledged = -1;
  /** @type {unknown} */
  #acknowledgeTimer = null;
  /** The server has let this attachment in, and said who we are. */
  #isIn = false;
  /** A snapshot was asked for: nothing is applied until it comes. */
  #poisoned = false;
  /** When a change that could not be sent was undone. */
  #undone = -Infinity;
  /** Snapshots in a row that could not be shown. */
  #failures = 0;
  /** Models that left the server's document and are still needed here. */
  #leaving = /** @type {Set<string>} */ (new Set());
  /**
   * Frames of the present attachment. Each attachment has an array of its own: that tells them apart, for numbers
   * begin again with the next socket.
   * @type {import("./wire.js").Frame[]}
   */
  #inbox = [];
  #receiving = false;
  /** A frame is being handled, and waits for the document. @type {Promise<void> | null} */
  #handling = null;
  /** Says of a key whether the server is changing it just now, while page scripts already answer. */
  #isChanging = /** @type {(key: string) => boolean} */ (() => false);
  /** Keys that a snapshot, while it is being reconciled, is to leave alone. @type {Set<string> | null} */
  #shown = null;
  /** An edit is being collected until the present task ends. */
  #sealing = false;
  /** Times in a row that the server did not let this replica in. */
  #tries = 0;
  /** @type {unknown} */
  #retryTimer = null;
  /** Runs until a further edit may be sent. @type {unknown} */
  #paceTimer = null;
  /** A session that is gone is being replaced, which nobody has asked for. */
  #isReplacing = false;
  /** Times that a fresh ticket was asked for. */
  #reopening = 0;

  /**
   * @param {object} options
   * @param {import("./socket.js").Socket} options.socket
   * @param {string} options.ticket
   * @param {string} options.build which version of the runtime this is
   * @param {SessionEvents} options.events
   * @param {SessionPage} options.page
   * @param {import("./environment.js").Environment} options.environment
   */
  constructor({ socket, ticket, build, events, page, environment }) {
    this.socket = socket;
    this.ticket = ticket;
    this.build = build;
    this.events = events;
    this.page = page;
    this.environment = environment;
  }

  /** Attach, now or as soon as the socket is open. Also after an end. */
  open() {
    this.#isReplacing = false;
    this.#begin();
  }

  #begin() {
    this.#reopening += 1;
    this.id = this.client = this.#secret = "";
    this.#lost(this.#edits.forget(0, this.#recovers));
    this.#poisoned = false;
    this.#failures = 0;
    this.#setState(this.epoch === "" ? "opening" : "waiting");
    this.socket.attach(this);
  }

  /** Begin a new session without what was put into this one. */
  startAfresh() {
    this.leave();
    this.disconnected();
    this.#recovers = false;
    this.#journal.clear();
    this.open();
  }

  /** Leave for good. */
  close() {
    this.leave();
    this.#stop();
    this.document?.dispose();
    this.document = null;
  }

  // What the socket calls.

  /**
   * The socket is open: ask for the session, and repeat what was not answered (rule 9).
   * @param {number} attachment
   */
  connected(attachment) {
    this.#attachment = attachment;
    this.#isIn = false;
    this.#inbox = [];
    /** @type {import("./wire.js").Header} */
    const open = { type: "open", protocol: PROTOCOL_VERSION, build: this.build };
    if (this.id === "") {
      open.ticket = this.ticket;
    } else {
      // A poisoned replica is at no position, and gets a snapshot for that.
      const epoch = this.#poisoned ? "" : this.epoch;
      const cseq = this.#edits.answered;
      open.resume = { session: this.id, client: this.client, secret: this.#secret, epoch, seq: this.seq, cseq };
    }
    this.#send(open);
    for (const edit of this.#edits.unanswered) this.socket.send(this.#message(edit));
  }

  /** The socket is lost; it comes back by itself. */
  disconnected() {
    this.#attachment = 0;
    this.#inbox = [];
    this.#clearTimers();
    if (this.state === "live") this.#setState("waiting");
  }

  /** Don't wait for the socket to come back: the app does not want that. */
  giveUp() {
    this.#end(CLOSE.SESSION_GONE, "", "");
  }

  /** The page goes away: the server need not keep the session for this replica. */
  leave() {
    this.#send({ type: "close" });
  }

  /** @param {import("./wire.js").Frame} frame */
  receive(frame) {
    this.#inbox.push(frame);
    if (this.#inbox.length > MOST_WAITING_FRAMES) {
      this.#inbox.length = 0;
      this.#poison(new Error("too many frames wait for scripts to load"));
    }
    if (!this.#receiving) void this.#receiveAll();
  }

  /**
   * How far the server has sent; it says so with each ping, after everything else.
   * @param {number} seq
   */
  checkPosition(seq) {
    const settled = this.state === "live" && !this.#poisoned && this.#inbox.length === 0 && !this.#receiving;
    if (settled && seq > this.seq) {
      this.#poison(new Error(`ops up to ${seq} were sent, but came only up to ${this.seq}`));
    }
  }

  /**
   * The attachment, or the whole socket, was closed with a code.
   * @param {number} code
   * @param {{error?: string, detail?: string}} [reason]
   */
  closed(code, { error = "", detail = "" } = {}) {
    const action = actionOf(code);
    this.disconnected();
    // Should the socket be lost meanwhile, it must not come back with this attachment.
    this.socket.detach(this);
    if (action === ACTION.RETRY) {
      this.#later(() => this.socket.attach(this));
      this.events.delayed(code);
    } else if (action === ACTION.REOPEN) {
      // The first time at once: a ticket that expired is nothing that waiting would mend.
      if (this.#tries++ === 0) void this.#reopen();
      else this.#later(() => void this.#reopen());
    } else {
      this.#end(code, error, detail);
      if (action === ACTION.RELOAD) this.page.reload(code);
    }
  }

  // Frames, one after the other. Others wait only while scripts load, and while the document makes the changes of one.

  async #receiveAll() {
    this.#receiving = true;
    for (let frame = this.#inbox.shift(); frame !== undefined; frame = this.#inbox.shift()) {
      const inbox = this.#inbox;
      const preparing = this.#prepare(frame.header);
      const prepared = preparing === true || (await preparing);
      // While scripts were loading, this attachment may have been lost and another come.
      if (inbox !== this.#inbox) continue;
      if (!prepared) {
        this.closed(CLOSE.TRY_LATER);
        continue;
      }
      const handling = this.#handle(frame);
      if (handling instanceof Promise) await this.#awaiting(handling);
    }
    this.#receiving = false;
  }

  /** @param {Promise<void>} handling */
  async #awaiting(handling) {
    this.#handling = handling;
    await handling;
    this.#handling = null;
    this.#seal();
  }

  /**
   * Load what a frame needs. Says whether that went well.
   * @param {import("./wire.js").Header} header
   * @returns {true | Promise<boolean>}
   */
  #prepare(header) {
    const needsDocument = header.type === "opened" && this.document === null;
    if (!needsDocument && !(header.scripts?.length > 0)) return true;
    return this.#load(header.scripts ?? [], needsDocument ? header.kind : null).then(
      () => true,
      (error) => {
        this.environment.report(error);
        return false;
      },
    );
  }

  /**
   * @param {string[]} scripts
   * @param {string | null} kind of the document to make
   */
  async #load(scripts, kind) {
    await this.page.load(scripts);
    if (kind === null) return;
    const document = await this.page.document(kind);
    if (this.state === "stopped" || this.document !== null) return document.dispose();
    this.document = document;
    document.observe(
      (changes) => this.#changed(changes),
      () => `${this.client}.${++this.#buffers}`,
      (key, error) => this.#unsendable(key, error),
    );
  }

  /** @param {import("./wire.js").Frame} frame */
  #handle(frame) {
    const { document } = this;
    return run(this.#handleSteps(frame), () => this.document === document);
  }

  /**
   * @param {import("./wire.js").Frame} frame
   * @returns {Steps}
   */
  *#handleSteps({ header, buffers }) {
    try {
      if (header.type === "opened") this.#opened(header);
      else if (header.type === "notice") this.#notice(header);
      else if (header.type === "closed") this.closed(header.code, { error: header.error, detail: header.detail });
      else if (!this.#isIn) this.#tooEarly(header.type);
      else if (header.type === "snapshot") yield* this.#snapshot(header, buffers);
      else if (this.#poisoned && header.type !== "result") return;
      else if (header.type === "op") yield* this.#op(header, buffers);
      else if (header.type === "result") yield* this.#result(header, buffers);
      else throw new Error(`a frame of type ${header.type} is not for an attachment`);
    } catch (error) {
      this.#poison(error);
    }
  }

  /**
   * A frame is dropped that came before the server had let this attachment in.
   * @param {string} type
   * @returns {never}
   */
  #tooEarly(type) {
    // It may be the snapshot that was asked for, or an answer that nobody has told yet: they are asked for again.
    this.#poisoned = false;
    throw new Error(`a frame of type ${type} has overtaken "opened"`);
  }

  /** @param {import("./wire.js").Header} header */
  #opened(header) {
    // Another client than before: edits that this document still had pending are nobody's any more.
    if (header.client !== this.client) this.#lost(this.#edits.forget(header.cseq, this.#recovers));
    this.#isIn = true;
    this.#recovers = header.recover === true;
    this.id = header.session;
    this.client = header.client;
    this.#secret = header.secret;
    this.#acknowledged = -1;
    this.#edits.limit = header.limits.unanswered_edits;
    this.socket.pace.begin(header.limits.edits_per_second ?? 0, this.environment.now());
    this.#messageBytes = header.limits.message_bytes;
    this.socket.heartbeat(header.heartbeat);
    if (header.recovered) this.#live();
  }

  /**
   * @param {import("./wire.js").Header} header
   * @param {import("./wire.js").Buffers} buffers
   * @returns {Steps}
   */
  *#snapshot(header, buffers) {
    const isNew = this.epoch !== header.epoch;
    this.#failures += 1;
    this.#poisoned = false;
    this.#held.clear();
    this.#leaving.clear();
    // In place once, so that views stay mounted; if that throws, the next one is built from scratch.
    if (!isNew && this.#failures === 1) {
      const pending = this.#edits.reconciliation(this.#edits.settleUpTo(header.cseq));
      this.seq = header.seq;
      const lacking = yield* this.#reconcile(header.document, buffers, pending);
      for (const id of lacking) if (!pending.made.has(id)) this.#leaving.add(id);
      yield* this.#applyAgain(pending);
    } else {
      this.#lost(this.#edits.forget(Math.max(header.cseq, this.#edits.lastSent), isNew && this.#recovers));
      this.epoch = header.epoch;
      this.seq = header.seq;
      this.#document.replace(header.document, buffers);
      this.#edits.replaced();
      this.events.shown();
    }
    this.#failures = 0;
    this.#live();
    this.#count();
    if (isNew) this.#takeOver();
  }

  /** A session has begun, perhaps in the place of another one. */
  #takeOver() {
    const isReplaced = this.#isReplacing;
    this.#isReplacing = false;
    if (this.#journal.isEmpty) {
      // It may look quite different, though there was nothing to be put in.
      if (isReplaced) this.events.restored({ inputs: 0, missing: 0 });
    } else if (this.#recovers) void this.#restore();
    else this.#giveUpInputs();
  }

  /**
   * Put in again what the person had put into the session that is gone: one after the other, for a later
   * input may have its place only after the callback of an earlier one.
   */
  async #restore() {
    const { epoch } = this;
    const { inputs, forgotten } = this.#journal.take();
    let missing = forgotten;
    for (const [position, input] of inputs.entries()) {
      // What the person has changed meanwhile is newer.
      const restored = this.#journal.has(input) || (this.#document.restore(input) && (await this.#barrier()));
      if (this.epoch !== epoch || this.state === "stopped") return;
      if (this.#isGone) {
        // This session is gone as well: the next one gets what was not put in yet.
        for (const each of inputs.slice(position)) if (!this.#journal.has(each)) this.#journal.note(each);
        return;
      }
      if (!restored) missing += 1;
    }
    this.events.restored({ inputs: inputs.length + forgotten, missing });
  }

  /** Nothing is put in again where others meet, whose session it is as well; the person is told. */
  #giveUpInputs() {
    const { inputs, forgotten } = this.#journal.take();
    const count = inputs.length + forgotten;
    this.events.restored({ inputs: count, missing: count });
  }

  /** Wait until what was changed so far is answered, and what came of it has arrived. */
  async #barrier() {
    const passed = this.#edits.barrier();
    this.#flush();
    const isAnswered = await passed;
    await this.#handling;
    return isAnswered;
  }

  get #isGone() {
    return this.id === "";
  }

  /**
   * @param {unknown} document
   * @param {import("./wire.js").Buffers} buffers
   * @param {import("./document.js").Reconciliation} pending
   * @returns {Generator<unknown, string[], any>}
   */
  *#reconcile(document, buffers, pending) {
    this.#isChanging = () => true;
    this.#shown = pending.shown;
    try {
      return yield this.#document.reconcile(document, buffers, pending);
    } finally {
      this.#isChanging = () => false;
      this.#shown = null;
    }
  }

  /**
   * Pending edits go on top of a snapshot (rule 4).
   * @param {object} pending
   * @param {Set<string>} pending.shown keys that need nothing, because they are as the edits left them
   * @param {Set<string>} pending.givenUp keys that an edit had written last which was given up
   * @returns {Steps}
   */
  *#applyAgain({ shown, givenUp }) {
    for (const { key, content, buffers, defines } of this.#edits.pendingWrites) {
      if (key === null) continue;
      const isShown = shown.has(key);
      // What was given up may have been written to a model that this edit brings.
      if (isShown && (defines.length === 0 || givenUp.size === 0)) continue;
      try {
        // Models of this browser's own are here already, and show what later edits made of them.
        const { changes } = this.#document.decode([content], buffers);
        const open = changes.filter((change) => change.key === null || !shown.has(change.key));
        yield this.#document.apply(isShown ? open.filter((change) => change.key !== null && givenUp.has(change.key)) : open);
      } catch (error) {
        // It meets something that is gone. The server finds the same, and says so in the result.
        this.environment.report(error);
      }
    }
  }

  /**
   * @param {import("./wire.js").Header} op
   * @param {import("./wire.js").Buffers} buffers
   * @returns {Steps}
   */
  *#op(op, buffers) {
    if (op.seq <= this.seq) return;
    if (op.from !== this.seq) throw new Error(`op ${op.seq} follows ${op.from}, but this replica is at ${this.seq}`);
    const changes = this.#decode(op.events, buffers);
    this.seq = op.seq;
    yield* this.#apply(changes.map((change) => ({ seq: op.seq, change })));
    this.#letGo(op.gone ?? []);
    this.#count();
  }

  /**
   * @param {import("./held.js").HeldChange[]} changes
   * @returns {Steps}
   */
  *#apply(changes) {
    const keys = new Set(changes.map(({ change }) => change.key));
    this.#isChanging = (key) => keys.has(key);
    try {
      yield this.#document.apply(this.#free(changes));
    } finally {
      this.#isChanging = () => false;
    }
  }

  /**
   * Keep changes for later on whose key an edit is pending (rule 1), also one that a page script has just made
   * in consequence of the change before.
   * @param {import("./held.js").HeldChange[]} changes
   */
  *#free(changes) {
    for (const { seq, change } of changes) {
      if (change.key !== null && this.#edits.pendingOn(change.key)) this.#held.add(change.key, seq, change);
      else yield change;
    }
  }

  /**
   * @param {import("./wire.js").Header} result
   * @param {import("./wire.js").Buffers} buffers
   * @returns {Steps}
   */
  *#result(result, buffers) {
    const answered = [...(result.supersedes ?? []), result.cseq];
    // Whether or not it can be applied, and though a snapshot may have undone the edit before: it is told, once.
    const edits = this.#edits.hear(answered);
    if (edits > 0 && !result.commit) this.events.rejected({ reason: "refused", code: result.code ?? "", edits });
    if (this.#poisoned) return;
    if (this.#edits.lacksAnswer(result.previous ?? 0)) {
      throw new Error(`the result of edit ${result.cseq} came before that of edit ${result.previous}`);
    }
    if (result.seq - (result.own ? 1 : 0) > this.seq) {
      throw new Error(`the result at ${result.seq} came too early: this replica is at ${this.seq}`);
    }
    // From before the last snapshot, it says nothing new of the document: a model that had left may be back.
    const isNews = result.seq > this.seq;
    if (isNews) this.seq = result.seq;
    const settled = this.#edits.settle(answered);
    if (settled.length > 0) yield* this.#settled(settled, result, this.#decode(result.values ?? [], buffers));
    this.#letGo([...(isNews ? (result.gone ?? []) : []), ...unreached(settled, result)]);
    this.#count();
    this.#flush();
  }

  /**
   * Rules 2 and 3: first what is true at the result's seq, then what was held from above it.
   * @param {import("./edits.js").Edit[]} settled
   * @param {import("./wire.js").Header} result
   * @param {import("./document.js").Change[]} values
   * @returns {Steps}
   */
  *#settled(settled, result, values) {
    const keys = keysOf(settled);
    for (const key of keys) this.#held.dropUpTo(key, result.seq);
    /** @type {import("./held.js").HeldChange[]} */
    const now = [];
    for (const value of values) {
      if (value.key !== null && this.#edits.pendingOn(value.key)) {
        this.#held.replaceUpTo(value.key, result.seq, value);
      } else {
        now.push({ seq: result.seq, change: value });
      }
    }
    const free = [...keys].filter((key) => !this.#edits.pendingOn(key));
    yield* this.#apply([...now, ...this.#held.release(free)]);
  }

  /**
   * Decode events and introduce their models. What the server defines again is not leaving any more.
   * @param {unknown[]} events
   * @param {import("./wire.js").Buffers} buffers
   */
  #decode(events, buffers) {
    const { changes, defined } = this.#document.decode(events, buffers);
    for (const id of defined) this.#leaving.delete(id);
    return changes;
  }

  /**
   * Forget models that left the document, but not while an edit is pending on them (rule 6), nor while
   * something held back still shows them.
   * @param {string[]} gone
   */
  #letGo(gone) {
    for (const id of gone) this.#leaving.add(id);
    const free = [...this.#leaving].filter((id) => !this.#edits.pendingOnModel(id));
    for (const id of free.length > 0 ? this.#document.evict(free) : []) this.#leaving.delete(id);
  }

  /** @param {import("./wire.js").Header} header */
  #notice(header) {
    if (header.kind === NOTICE.DRAIN) this.socket.drain(header.retry ?? 0);
    const { kind, error = "", detail = "", busy = false } = header;
    this.events.notice({ kind, error, detail, busy });
  }

  // What is changed here.

  /** @param {import("./document.js").LocalChange[]} changes */
  #changed(changes) {
    if (changes.length === 0) return;
    // Nobody gets what is changed after the end. Should this be opened again, the snapshot undoes it.
    if (this.state === "stopped") return changes.forEach(({ key }) => this.#edits.giveUpOn(key));
    for (const { input } of changes) if (input != null) this.#journal.note(input);
    for (const { key, kind } of changes) if (key !== null && kind === "write") this.#shown?.add(key);
    this.#edits.add(changes, this.seq, this.#isChanging);
    if (this.#sealing) return;
    // What one task changes is one edit, and so one op and one redraw for everybody.
    this.#sealing = true;
    this.environment.soon(() => this.#seal());
  }

  /** The edit is complete, but for what page scripts still do in consequence of a frame that is being handled. */
  #seal() {
    if (!this.#sealing || this.#handling !== null) return;
    this.#sealing = false;
    this.#edits.seal();
    if (this.#edits.unsent > MOST_UNSENT_EDITS) {
      this.#lost(this.#edits.dropUnsent());
      this.#poison(new Error(`more than ${MOST_UNSENT_EDITS} edits wait to be sent`));
    }
    this.#flush();
  }

  /**
   * Something was changed here that the server cannot be told, such as a function among data: what it has
   * takes its place. A page script that answers with the same again is only reported.
   * @param {string | null} key
   * @param {unknown} error
   */
  #unsendable(key, error) {
    this.#edits.giveUpOn(key);
    if (this.state === "stopped") return;
    this.events.rejected({ reason: "refused", code: "unsendable", edits: 1 });
    const now = this.environment.now();
    if (now - this.#undone < UNSENDABLE_PAUSE) return this.environment.report(error);
    this.#undone = now;
    this.#poison(error);
  }

  /** Send what may be sent; the rest waits, and merges. */
  #flush() {
    this.environment.clearTimer(this.#paceTimer);
    if (this.state !== "live") return;
    for (let edit = this.#edits.next(); edit !== null; edit = this.#edits.next()) {
      const message = this.#message(edit);
      if (message.byteLength <= this.#messageBytes) {
        // What is too big is given up at once, all of it, so that one snapshot undoes it.
        if (this.#poisoned) return;
        const pause = this.socket.pace.take(this.environment.now());
        if (pause > 0) {
          this.#paceTimer = this.environment.setTimer(() => this.#flush(), pause);
          return;
        }
        this.#edits.sent(edit);
        this.socket.send(message);
      } else {
        this.#edits.drop();
        const keys = [...keysOf([edit])];
        this.events.rejected({ reason: "refused", code: "too-big", edits: 1, keys });
        const what = `an edit of ${message.byteLength} bytes, of ${keys.join(", ") || "no property"},`;
        this.#poison(new Error(`${what} is more than the ${this.#messageBytes} that the server takes`));
      }
    }
  }

  /** @param {import("./edits.js").Edit} edit */
  #message({ cseq, base, whole, changes }) {
    const events = changes.map((change) => change.content);
    const buffers = new Map(changes.flatMap((change) => [...change.buffers]));
    /** @type {import("./wire.js").Header} */
    const edit = { type: "edit", cseq, base, epoch: this.epoch, events };
    if (whole) edit.whole = true;
    return encode(this.#attachment, edit, buffers);
  }

  /** @param {number} edits that the person made and that will not come to count */
  #lost(edits) {
    if (edits > 0) this.events.rejected({ reason: "lost", code: "", edits });
  }

  // What becomes of the replica.

  /**
   * Never go on after an exception: apply nothing more and ask for a snapshot (rule 5).
   * @param {unknown} error
   */
  #poison(error) {
    this.environment.report(error);
    if (this.#failures > 1) return this.#end(CLOSE.INTERNAL_ERROR, "", String(error));
    if (this.#poisoned) return;
    this.#poisoned = true;
    const { epoch, seq } = this;
    const cseq = this.#edits.answered;
    this.#send({ type: "resync", epoch, seq, cseq, reason: String(error).slice(0, 1000) });
  }

  #live() {
    this.#tries = 0;
    this.#setState("live");
    this.#flush();
  }

  /**
   * Count an op or result, and acknowledge after some, or after a while, what the server keeps for this browser
   * alone: answers, and a secret that was replaced. It does not wait for its browsers to have seen an op, and a
   * hundred who only look on would tell it a hundred times.
   */
  #count() {
    if (this.#acknowledged === this.#edits.answered) return;
    this.#toAcknowledge += 1;
    if (this.#toAcknowledge >= ACKNOWLEDGE_AFTER) this.#acknowledge();
    else this.#acknowledgeTimer ??= this.environment.setTimer(() => this.#acknowledge(), ACKNOWLEDGE_WITHIN);
  }

  #acknowledge() {
    this.environment.clearTimer(this.#acknowledgeTimer);
    this.#acknowledgeTimer = null;
    this.#toAcknowledge = 0;
    this.#acknowledged = this.#edits.answered;
    this.#send({ type: "ack", seq: this.seq, cseq: this.#edits.answered });
  }

  /** Ask for a session anew: this one, or its ticket, is over. */
  async #reopen() {
    const reopening = ++this.#reopening;
    let ticket;
    try {
      ticket = await this.page.refresh(this.ticket);
    } catch (error) {
      this.environment.report(error);
      if (reopening === this.#reopening) this.#later(() => void this.#reopen());
      return;
    }
    // It may have been stopped, or opened in another way, while the ticket was on its way.
    if (this.state === "stopped" || reopening !== this.#reopening) return;
    if (typeof ticket === "number") return this.#end(ticket, "", "");
    this.ticket = ticket;
    this.#isReplacing ||= this.id !== "" && this.epoch !== "";
    this.#begin();
  }

  /** @param {() => void} call */
  #later(call) {
    const pause = backoff(this.#tries++, this.environment.random(), this.environment.hidden());
    this.environment.clearTimer(this.#retryTimer);
    this.#retryTimer = this.environment.setTimer(call, pause);
  }

  /**
   * @param {number} code
   * @param {string} error
   * @param {string} detail
   */
  #end(code, error, detail) {
    this.leave();
    this.#stop();
    this.events.ended({ code, error, detail });
  }

  #stop() {
    this.disconnected();
    this.socket.release(this);
    this.#setState("stopped");
  }

  #clearTimers() {
    this.environment.clearTimer(this.#acknowledgeTimer);
    this.environment.clearTimer(this.#retryTimer);
    this.environment.clearTimer(this.#paceTimer);
    this.#acknowledgeTimer = this.#retryTimer = this.#paceTimer = null;
    this.#toAcknowledge = 0;
  }

  /** @param {import("./wire.js").Header} header */
  #send(header) {
    if (this.#attachment !== 0) this.socket.send(encode(this.#attachment, header));
  }

  get #document() {
    if (this.document === null) throw new Error("the server sent changes before it opened the session");
    return this.document;
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.events.state(state);
  }
}

/**
 * Models that edits brought and that have not reached the server's document by them: it has refused the edits, or
 * skipped what brought the models. An edit that it has merged into another brought none.
 * @param {import("./edits.js").Edit[]} settled
 * @param {import("./wire.js").Header} result
 * @returns {string[]}
 */
function unreached(settled, { commit, skipped = [] }) {
  const lost = settled.flatMap(({ changes }) => changes.filter((_, position) => !commit || skipped.includes(position)));
  return lost.flatMap(({ defines }) => defines);
}
