// The document port: what a session asks of anything it keeps in sync. documents/bokeh.js is the
// first implementation; the toy document of the tests is another.

/**
 * How an event treats the value under its key: `write` replaces it whole, `delta` changes a part of
 * it, `signal` writes nothing and is over at once.
 * @typedef {"write" | "delta" | "signal"} Kind
 *
 * A change from the server, decoded. It holds references to models, no longer JSON.
 * @typedef {object} Change
 * @property {Kind} kind
 * @property {string | null} key what it writes; `null` for a signal
 *
 * A change that was made here, encoded at the moment it was made: what it refers to may be changed
 * in place before there is a chance to send it.
 * @typedef {object} LocalChange
 * @property {Kind} kind
 * @property {string | null} key
 * @property {string | null} model id of the model that it writes
 * @property {unknown} content the event as JSON
 * @property {import("./wire.js").Buffers} buffers that the content refers to
 * @property {string[]} defines ids of the models that were made here and that the content defines
 * @property {Input | null} [input] it is a person's input, and can be put in again into another document
 *
 * A value that a person put in, in words that hold in another build of the document.
 * @typedef {object} Input
 * @property {unknown} place where its model stands, as JSON
 * @property {string} attribute
 * @property {unknown} value as JSON
 *
 * @typedef {object} Decoded
 * @property {Change[]} changes in the order to apply them; an attribute in the definition of a model
 *   that exists already is a change of its own, in front of the one that carried it
 * @property {string[]} defined ids of all models that the events define, known before or not
 *
 * What pending edits ask of a snapshot that is reconciled in place.
 * @typedef {object} Reconciliation
 * @property {Set<string>} shown keys that are shown as pending edits left them, and stay so; grows while page
 *   scripts make further edits in consequence
 * @property {Set<string>} stale keys that edits have written and that are to be as the snapshot has them; at their
 *   default, if it does not speak of them
 * @property {Set<string>} kept ids of models that stay although the snapshot lacks them
 *
 * Some changes are to be awaited before the next ones are made, such as those by which views are built. What makes
 * changes then gives a promise that is settled before the present task ends, so that nothing from outside comes between.
 *
 * @typedef {object} DocumentAdapter
 * @property {(events: unknown[], buffers: import("./wire.js").Buffers) => Decoded} decode makes the new
 *   models of some events and changes nothing else; throws, leaving none of the new models behind
 * @property {(changes: Iterable<Change>) => void | Promise<void>} apply makes changes in order, asking for each when
 *   those before it are made; they do not come back through `observe`, but what page scripts do in consequence does
 * @property {(ids: string[]) => string[]} evict forgets those models that are not part of the document
 *   any more, and returns their ids
 * @property {(document: any, buffers: import("./wire.js").Buffers) => void} replace shows another
 *   document in place of this one
 * @property {(document: any, buffers: import("./wire.js").Buffers, pending: Reconciliation) => string[] | Promise<string[]>} reconcile
 *   makes this document equal to a snapshot of it without building views again; returns the ids of models that
 *   stay, kept or shown by a pending edit, although the snapshot lacks them
 * @property {(input: Input) => boolean} restore puts an input in again, as if a person did it; false if there
 *   is no place for it
 * @property {(listener: (changes: LocalChange[]) => void, bufferId: () => string, unsendable: (key: string | null, error: unknown) => void) => void} observe
 *   calls `listener` with what is changed here, `unsendable` where that has no form for the server
 * @property {() => void} dispose lets go of everything
 */

export {};
