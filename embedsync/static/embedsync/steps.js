// Work in steps, most of which need not wait: it is done at once, but for what comes after a promise.

/**
 * Do some work.
 * @template Outcome
 * @param {Generator<unknown, Outcome, any>} work gives what it needs, which may be a promise, and gets what came of it
 * @param {() => boolean} goesOn asked after each wait: the work ends there if there is no use for it any more
 * @returns {Outcome | Promise<Outcome>} a promise if the work had to wait
 */
export function run(work, goesOn) {
  return proceed(work, work.next(), goesOn);
}

/**
 * @template Outcome
 * @param {Generator<unknown, Outcome, any>} work
 * @param {IteratorResult<unknown, Outcome>} step
 * @param {() => boolean} goesOn
 * @returns {Outcome | Promise<Outcome>}
 */
function proceed(work, step, goesOn) {
  while (!step.done) {
    if (step.value instanceof Promise) return later(work, step.value, goesOn);
    step = work.next(step.value);
  }
  return step.value;
}

/**
 * @template Outcome
 * @param {Generator<unknown, Outcome, any>} work
 * @param {Promise<unknown>} awaited
 * @param {() => boolean} goesOn
 * @returns {Promise<Outcome>}
 */
async function later(work, awaited, goesOn) {
  let came;
  try {
    came = await awaited;
  } catch (error) {
    return proceed(work, work.throw(error), goesOn);
  }
  return proceed(work, goesOn() ? work.next(came) : work.return(/** @type {any} */ (undefined)), goesOn);
}
