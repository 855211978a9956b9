// Where models stand in a document, in words that hold in another build of it: ids do not, they are
// counted anew in each process.

/**
 * @typedef {import("./bokehjs.js").Model} Model
 * @typedef {import("./bokehjs.js").BokehDocument} BokehDocument
 *
 * The nearest model above with a name that nothing else has, or the root; the way down from there; the type.
 * @typedef {{name: string | null, root: number, steps: (string | number)[], type: string}} Place
 */

export class Places {
  /** @type {Map<Model, Place> | null} */
  #places = null;
  /** @type {Map<string, Model>} */
  #models = new Map();

  /**
   * @param {BokehDocument} document
   * @param {any} HasProps BokehJS's base class of models
   */
  constructor(document, HasProps) {
    this.document = document;
    this.HasProps = HasProps;
  }

  /** Models may have come, gone or moved: look again when it is asked for. */
  changed() {
    this.#places = null;
  }

  /**
   * @param {Model} model
   * @returns {Place | null} `null` if the model is not part of the document
   */
  of(model) {
    return this.#all().get(model) ?? null;
  }

  /**
   * @param {any} place
   * @returns {Model | null}
   */
  find(place) {
    this.#all();
    return this.#models.get(JSON.stringify(place)) ?? null;
  }

  #all() {
    if (this.#places !== null) return this.#places;
    const places = (this.#places = /** @type {Map<Model, Place>} */ (new Map()));
    const once = this.#uniqueNames();
    /** @type {{value: unknown, place: Omit<Place, "type">}[]} */
    let level = this.document.roots().map((value, root) => ({ value, place: { name: null, root, steps: [] } }));
    // Level by level, so that of several ways to a model the shortest counts.
    while (level.length > 0) level = level.flatMap(({ value, place }) => this.#visit(value, place, places, once));
    this.#models = new Map([...places].map(([model, place]) => [JSON.stringify(place), model]));
    return places;
  }

  #uniqueNames() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { name } of this.document._all_models.values()) {
      if (name !== null && name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return new Set([...counts].filter(([, count]) => count === 1).map(([name]) => name));
  }

  /**
   * @param {any} value
   * @param {Omit<Place, "type">} way
   * @param {Map<Model, Place>} places
   * @param {Set<string>} once names that one model has
   * @returns {{value: unknown, place: Omit<Place, "type">}[]} what lies inside
   */
  #visit(value, way, places, once) {
    if (!(value instanceof this.HasProps)) return entries(value).map(([key, inside]) => ({ value: inside, place: step(way, key) }));
    const model = /** @type {Model} */ (value);
    if (places.has(model)) return [];
    const named = model.name !== null && once.has(model.name);
    const place = named ? { name: model.name, root: 0, steps: [], type: model.type } : { ...way, type: model.type };
    places.set(model, place);
    return Object.values(model.properties)
      .filter((property) => property.syncable && !property.is_unset && property.may_have_refs)
      .map((property) => ({ value: property.get_value(), place: step(place, property.attr) }));
  }
}

/**
 * @param {Omit<Place, "type">} place
 * @param {string | number} key
 */
function step({ name, root, steps }, key) {
  return { name, root, steps: [...steps, key] };
}

/**
 * @param {unknown} value
 * @returns {[string | number, unknown][]}
 */
function entries(value) {
  if (Array.isArray(value)) return [...value.entries()];
  if (value instanceof Map) return [...value].filter(([key]) => typeof key === "string");
  if (Object.prototype.toString.call(value) === "[object Object]") return Object.entries(/** @type {object} */ (value));
  return [];
}
