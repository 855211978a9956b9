// Which changes are a person's inputs: values that somebody put in with mouse, keyboard or finger, and not
// what BokehJS computes, nor what page scripts write in consequence.

/** @typedef {import("./bokehjs.js").Model} Model */

/** With this among its `tags`, a model's inputs are not put in again. */
const NO_RECOVERY = "embedsync:no-recovery";
/** BokehJS reports some changes a little after the gesture, such as those of a wheel. */
const GESTURE = 1000;
const GESTURES = ["pointerdown", "pointermove", "pointerup", "wheel", "keydown", "input", "change", "paste", "drop"];
const CALLBACKS = "models/callbacks/index";

/** Families of models with the properties that people change; `null` for all. */
const FAMILIES = /** @type {const} */ ([
  ["models/widgets/widget", "Widget", null],
  ["models/layouts/tabs", "Tabs", ["active"]],
  ["models/ranges/range", "Range", ["start", "end"]],
  ["models/selections/selection", "Selection", ["indices", "line_indices", "multiline_indices"]],
  ["models/renderers/renderer", "Renderer", ["visible", "muted"]],
]);

export class Inputs {
  #touched = -Infinity;
  #note = (/** @type {Event} */ event) => {
    if (event.isTrusted && !isIdleMove(event)) this.#touched = performance.now();
  };

  /** @param {import("./bokehjs.js").BokehJS} bokeh */
  constructor(bokeh) {
    this.bokeh = bokeh;
    watchScripts(bokeh.module(CALLBACKS));
    for (const name of GESTURES) document.addEventListener(name, this.#note, { capture: true, passive: true });
  }

  dispose() {
    for (const name of GESTURES) document.removeEventListener(name, this.#note, { capture: true });
  }

  /** Whether what changes now is a person's doing. */
  get isPerson() {
    return scriptsRunning === 0 && performance.now() - this.#touched < GESTURE;
  }

  /**
   * Whether a change is of the kind that people make.
   * @param {any} event
   */
  isInput({ kind, model, attr }) {
    if (kind !== "ModelChanged" || !isRecoverable(model)) return false;
    if ((attr === "start" || attr === "end") && model.have_updated_interactively === false) return false;
    return FAMILIES.some(([path, name, attributes]) => {
      const Family = this.bokeh.module(path)?.[name];
      return Family !== undefined && model instanceof Family && (attributes === null || has(attributes, attr));
    });
  }
}

/**
 * Whether what a person puts in here may be put in again by itself.
 * @param {any} model
 */
export function isRecoverable(model) {
  return model.type !== "PasswordInput" && !(model.tags ?? []).includes(NO_RECOVERY);
}

/** @param {Event} event the pointer just passes over something */
function isIdleMove(event) {
  return event.type === "pointermove" && /** @type {PointerEvent} */ (event).buttons === 0;
}

/**
 * @param {readonly string[]} names
 * @param {string} name
 */
function has(names, name) {
  return names.includes(name);
}

/** Callbacks in JavaScript that run just now. */
let scriptsRunning = 0;
const watched = new WeakSet();

/**
 * Know when Bokeh's JavaScript callbacks run: nothing else tells their writes from a person's. A callback that
 * compiles its code first runs later than the change that called it, so that it is its code that is watched.
 * @param {Record<string, any> | null} callbacks their classes
 */
function watchScripts(callbacks) {
  for (const { prototype } of Object.values(callbacks ?? {})) {
    if (prototype === undefined || watched.has(prototype)) continue;
    watched.add(prototype);
    const { execute, _compile: compile } = prototype;
    if (typeof compile === "function") {
      prototype._compile = async function () {
        const compiled = await compile.call(this);
        return { ...compiled, func: noted(compiled.func) };
      };
    } else if (typeof execute === "function") {
      prototype.execute = noted(execute);
    }
  }
}

/**
 * @param {(...given: unknown[]) => unknown} script
 * @returns {(...given: unknown[]) => unknown} the same, noted while it runs, and while what it returns is awaited
 */
function noted(script) {
  const ended = () => void (scriptsRunning -= 1);
  return function (/** @type {unknown[]} */ ...given) {
    scriptsRunning += 1;
    let result;
    try {
      // @ts-expect-error: whatever `this` is, it is the script's
      result = script.apply(this, given);
    } catch (error) {
      ended();
      throw error;
    }
    if (!(result instanceof Promise)) ended();
    else result.then(ended, ended);
    return result;
  };
}
