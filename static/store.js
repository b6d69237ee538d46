/**
 * One state, one way to change it.  Listeners name the keys they draw from and
 * are called once for each change that touches one of them.
 */

/**
 * @template {object} S
 * @typedef {object} Store
 * @property {() => S} get
 * @property {(patch: Partial<S>) => void} setState
 * @property {(keys: (keyof S)[], listener: (state: S, changed: Set<keyof S>) => void) => () => void} on
 *   Calls the listener at every change of one of the keys; returns how to stop.
 */

/**
 * @template {object} S
 * @param {S} initial
 * @returns {Store<S>}
 */
export function createStore(initial) {
  let state = initial;
  /** @type {Set<{keys: (keyof S)[], listener: (state: S, changed: Set<keyof S>) => void}>} */
  const listeners = new Set();
  /** @type {Set<keyof S>} */
  let changed = new Set();
  let telling = false;

  function tell() {
    telling = true;
    try {
      // A listener may change the state again: then all are told again.
      while (changed.size > 0) {
        const now = changed;
        changed = new Set();
        for (const { keys, listener } of listeners) {
          if (keys.some((key) => now.has(key))) listener(state, now);
        }
      }
    } finally {
      telling = false;
    }
  }

  return {
    get: () => state,
    setState(patch) {
      for (const key of /** @type {(keyof S)[]} */ (Object.keys(patch))) {
        if (!Object.is(state[key], patch[key])) changed.add(key);
      }
      if (changed.size === 0) return;
      state = { ...state, ...patch };
      if (!telling) tell();
    },
    on(keys, listener) {
      const entry = { keys, listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}
