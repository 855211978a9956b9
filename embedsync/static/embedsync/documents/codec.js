// Between Bokeh's JSON and BokehJS's models, by BokehJS's own rules but for two of them: a definition
// of a model that exists does not write to it at once, and which models the server knows is counted
// here, not by BokehJS.

/**
 * @typedef {import("./bokehjs.js").BokehJS} BokehJS
 * @typedef {import("./bokehjs.js").Model} Model
 *
 * What the decoder met in one event.
 * @typedef {object} Met
 * @property {[Model, Record<string, unknown>][]} updates models that existed, with their new attributes
 * @property {number} references how often a model was mentioned
 *
 * @typedef {object} Decoder
 * @property {string[]} defined ids of all models that were defined, new or not
 * @property {string[]} made ids of the new ones
 * @property {(json: unknown, buffers: import("../wire.js").Buffers) => any} decode
 * @property {() => Met} take what was met since the last call
 */

/**
 * @param {BokehJS} bokeh
 * @param {any} resolver of the document
 * @param {Map<string, Model>} models by id; new ones are added
 * @param {(model: Model) => void} finalize is called with each new model
 * @returns {Decoder}
 */
export function makeDecoder(bokeh, resolver, models, finalize) {
  class ReplicaDecoder extends bokeh.Deserializer {
    /** @type {string[]} */
    defined = [];
    /** @type {string[]} */
    made = [];
    /** @type {Met} */
    met = { updates: [], references: 0 };

    take() {
      const { met } = this;
      this.met = { updates: [], references: 0 };
      return met;
    }

    /** @param {any} json */
    _decode_ref(json) {
      this.met.references += 1;
      // A value may also be a class, which has come with the document.
      if (!models.has(json.id) && resolver.get(json.id) !== null) return resolver.get(json.id);
      return super._decode_ref(json);
    }

    /** @param {any} json */
    _decode_object_ref(json) {
      this.met.references += 1;
      this.defined.push(json.id);
      const known = models.get(json.id);
      if (known === undefined) {
        this.made.push(json.id);
        return super._decode_object_ref(json);
      }
      if (known.type !== json.name) this.error(`${known.type} ${json.id} cannot become ${json.name}`);
      this.met.updates.push([known, this._decode(json.attributes ?? {})]);
      return known;
    }
  }
  return new /** @type {any} */ (ReplicaDecoder)(resolver, models, finalize);
}

const HALF_A_PAIR = /\p{Surrogate}/u;

/**
 * @typedef {object} Encoded
 * @property {unknown} json
 * @property {import("../wire.js").Buffers} buffers
 * @property {Model[]} defines models that the server does not know yet
 * @property {number} references how often a known model is mentioned
 */

/**
 * Encode a value. Its buffers are copies: BokehJS goes on writing to its own.
 * @param {BokehJS} bokeh
 * @param {Map<string, Model>} models those that the server knows
 * @param {() => string} bufferId names the next buffer
 * @param {unknown} value
 * @returns {Encoded}
 */
export function encode(bokeh, models, bufferId, value) {
  /** @type {import("../wire.js").Buffers} */
  const buffers = new Map();
  /** @type {Model[]} */
  const defines = [];
  let references = 0;

  class ReplicaEncoder extends bokeh.Serializer {
    /** @param {any} object */
    get_ref(object) {
      const known = object instanceof bokeh.HasProps && models.get(object.id) === object;
      if (known) references += 1;
      return known ? { id: object.id } : super.get_ref(object);
    }

    /**
     * @param {any} object
     * @param {unknown} ref
     */
    add_ref(object, ref) {
      super.add_ref(object, ref);
      if (object instanceof bokeh.HasProps) defines.push(object);
    }

    /** @param {unknown} object */
    _encode(object) {
      // No UTF-8 can carry it, and the server would take the whole message for damaged.
      if (typeof object === "string" && HALF_A_PAIR.test(object)) {
        this.error("half of a surrogate pair is not serializable");
      }
      if (!(object instanceof ArrayBuffer)) return super._encode(object);
      const id = bufferId();
      buffers.set(id, object.slice(0));
      return { type: "bytes", data: { id } };
    }
  }
  const encoder = new /** @type {any} */ (ReplicaEncoder)({ binary: true });
  const json = encoder.encode(value);
  // BokehJS puts a title into its event as it is.
  if (json.kind === "TitleChanged") encoder.encode(json.title);
  return { json, buffers, defines, references };
}
