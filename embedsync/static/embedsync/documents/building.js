// When BokehJS builds views. It does so in many small steps, each a promise that the one before settles, and fails
// where a model is changed meanwhile: a layout looks for views that are not there yet, and views are made twice.
// Bokeh's own server sends each change as a message, which comes in a task of its own, so that all steps are taken in
// between. Here they are awaited within one task, so that nothing else comes between the changes of one op: no input
// of a person, no message and no drawing.

/**
 * Between the beginnings and ends of views there are some dozens of steps at the most. With so many in which no view is
 * begun or done, all are there, or wait for something from outside.
 */
const QUIET_STEPS = 1000;

/** Functions of BokehJS that build views; the place of what says which view a model has among their arguments. */
const BUILDERS = /** @type {const} */ ([
  ["build_view", 2],
  ["build_views", 3],
]);

export class Building {
  /** Counts whatever is begun and done. */
  #moves = 0;

  /** @param {any} builders BokehJS's module of the functions that build views */
  constructor(builders) {
    for (const [name, position] of BUILDERS) builders[name] = this.#counted(builders[name], position);
  }

  /**
   * Do something.
   * @param {() => void} act
   * @returns {boolean} whether BokehJS builds views in consequence
   */
  isSetOffBy(act) {
    const before = this.#moves;
    act();
    return this.#moves !== before;
  }

  /**
   * Wait for the views, and for what is done with them: for no longer than the present task lasts. What fetches
   * something first is not waited for.
   */
  async end() {
    let moves = this.#moves;
    for (let quiet = 0; quiet < QUIET_STEPS; quiet += 1) {
      await null;
      if (this.#moves === moves) continue;
      moves = this.#moves;
      quiet = 0;
    }
  }

  /**
   * @param {(...given: any[]) => Promise<unknown>} build
   * @param {number} position
   */
  #counted(build, position) {
    return async (/** @type {any[]} */ ...given) => {
      const viewOf = given[position] ?? ((/** @type {any} */ model) => model.default_view);
      given[position] = (/** @type {any} */ model) => {
        this.#moves += 1;
        return viewOf(model);
      };
      this.#moves += 1;
      try {
        return await build(...given);
      } finally {
        this.#moves += 1;
      }
    };
  }
}

/** By BokehJS's module. */
const watched = /** @type {WeakMap<object, Building>} */ (new WeakMap());

/**
 * Know when one BokehJS builds views, whoever makes it do so.
 * @param {any} builders its module of the functions that build views
 * @returns {Building}
 */
export function watchBuilding(builders) {
  const building = watched.get(builders) ?? new Building(builders);
  watched.set(builders, building);
  return building;
}
