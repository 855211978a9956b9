// The parts of BokehJS that are not its public interface, found by the names of its modules. Checked
// against 3.9 and 3.10, full and minified: what changes there is mended here.

import { watchBuilding } from "./building.js";
import { adoptStyles } from "./stylesheets.js";

/**
 * A BokehJS model; only what is used of it.
 * @typedef {object} Model
 * @property {string} id
 * @property {string} type
 * @property {string | null} name
 * @property {BokehDocument | null} document
 * @property {unknown} default_view
 * @property {boolean} [have_updated_interactively] of ranges that follow their data: a person has moved it
 * @property {Record<string, Property>} properties
 * @property {(name: string) => Property} property
 * @property {(values: Record<string, unknown>, options: {sync: boolean, check_eq?: boolean, silent?: boolean}) => void} setv
 * @property {(property: Property, data: any, rollover: number | null, options: {sync: boolean}) => void} stream_to
 * @property {(property: Property, patches: any, options: {sync: boolean}) => void} patch_to
 * @property {(document: BokehDocument) => void} attach_document
 *
 * @typedef {object} Property
 * @property {string} attr
 * @property {boolean} syncable
 * @property {boolean} is_unset
 * @property {boolean} may_have_refs
 * @property {() => unknown} get_value
 * @property {(model: Model) => unknown} default_value
 *
 * @typedef {object} BokehDocument
 * @property {any} config
 * @property {any} views_manager
 * @property {any} event_manager
 * @property {any} resolver
 * @property {Map<string, Model>} _all_models
 * @property {Map<string, unknown[]>} _document_callbacks
 * @property {Set<Model>} _new_models
 * @property {() => void} _recompute_all_models
 * @property {(change: () => void) => void} freeze_all_models
 * @property {(type: string, data: unknown) => void} _trigger_on_message
 * @property {() => Model[]} roots
 * @property {(model: Model, options: {sync: boolean}) => void} add_root
 * @property {(model: Model, options: {sync: boolean}) => void} remove_root
 * @property {(title: string, options: {sync: boolean}) => void} set_title
 * @property {(options: {sync: boolean}) => void} clear
 * @property {(event: string, ...callbacks: unknown[]) => void} on_event
 * @property {(listener: (event: any) => void, batches?: boolean) => void} on_change
 * @property {(listener: (event: any) => void) => void} remove_on_change
 * @property {(root: Model) => void} notify_idle
 *
 * @typedef {object} View
 * @property {Model} model
 * @property {HTMLElement} el
 * @property {(target: Node) => void} build
 * @property {() => void} remove
 *
 * @typedef {object} BokehJS
 * @property {string} version
 * @property {BokehDocument[]} documents
 * @property {any} Document
 * @property {any} ModelResolver
 * @property {any} defaultResolver
 * @property {any} Serializer
 * @property {any} Deserializer
 * @property {any} ViewManager
 * @property {any} DOMView
 * @property {any} HasProps
 * @property {any} index views of all roots on the page
 * @property {import("./building.js").Building} building
 * @property {(name: string) => any} module one of its modules; `null` if it is in a bundle that is not there
 */

/**
 * Find BokehJS of one version among those on the page.
 * @param {string} version as Python writes it
 * @returns {BokehJS}
 */
export function findBokeh(version) {
  const page = /** @type {any} */ (window).Bokeh;
  const wanted = simplified(version);
  const found = [page?.[version], page?.[wanted], page].find((each) => simplified(each?.version ?? "") === wanted);
  if (found === undefined) {
    const there = page === undefined ? "none is on the page" : `version ${page.version} is on the page`;
    throw new Error(`the document needs BokehJS ${version}, but ${there}`);
  }
  if (found !== page) warnOnce(`the page loads BokehJS ${page.version}; documents here use ${version} beside it`);
  adoptStyles(found.require("core/dom"));
  return {
    version: found.version,
    documents: found.documents,
    Document: found.require("document/document").Document,
    ModelResolver: found.require("core/resolvers").ModelResolver,
    defaultResolver: found.require("base").default_resolver,
    Serializer: found.require("core/serialization/serializer").Serializer,
    Deserializer: found.require("core/serialization/deserializer").Deserializer,
    ViewManager: found.require("core/view_manager").ViewManager,
    DOMView: found.require("core/dom_view").DOMView,
    HasProps: found.require("core/has_props").HasProps,
    index: found.index,
    building: watchBuilding(found.require("core/build_views")),
    module: (name) => optional(found.require, name),
  };
}

/**
 * @param {(name: string) => any} require
 * @param {string} name
 */
function optional(require, name) {
  try {
    return require(name);
  } catch (error) {
    if (/** @type {any} */ (error)?.code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/**
 * Python and JavaScript write pre-releases in different ways, such as 3.10.0.dev5 and 3.10.0-dev.5.
 * @param {string} version
 */
function simplified(version) {
  return version.replace(/[-.]?([a-z]+)\.?/g, "$1");
}

const warned = new Set();

/** @param {string} message */
function warnOnce(message) {
  if (!warned.has(message)) console.warn(`embedsync: ${message}`);
  warned.add(message);
}
