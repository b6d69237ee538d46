/**
 * Undo and redo for what is done to the program from outside the editor:
 * what-ifs, inputs, lessons, applied fixes.  Typing has the editor's own.
 */

/** @typedef {import('./state.js').State} State */

const KEPT = 200;

/** @param {State} state */
function snapshot({ code, seed, inputs, gradient, interventions, lesson }) {
  return { code, seed, inputs, gradient, interventions, lesson };
}

/** @param {import('./store.js').Store<State>} store */
export function createHistory(store) {
  /** @type {ReturnType<typeof snapshot>[]} */
  let past = [];
  /** @type {ReturnType<typeof snapshot>[]} */
  let future = [];

  /** @param {ReturnType<typeof snapshot>[]} from @param {ReturnType<typeof snapshot>[]} to */
  function move(from, to) {
    const state = from.pop();
    if (!state) return false;
    to.push(snapshot(store.get()));
    store.setState(state);
    return true;
  }

  return {
    /** Call before a change. */
    remember() {
      past = [...past.slice(-KEPT), snapshot(store.get())];
      future = [];
    },
    undo: () => move(past, future),
    redo: () => move(future, past),
  };
}
