/**
 * One state, one way to change it.  Listeners name the keys they draw from and
 * are called once for each change that touches one of them.  What the eye does
 * not follow is patient: in a hurry, as in a drag, it is told less often.
 */

/** Those who are patient are told of a hurry at most so often, ms, and so long after the last of it. */
const OFTEN = 100;
const LAST = 200;

/**
 * @template {object} S
 * @typedef {object} Store
 * @property {() => S} get
 * @property {(patch: Partial<S>, options?: {hurry?: boolean}) => void} setState
 *   hurry: more of the kind are about to come.
 * @property {(keys: (keyof S)[], listener: (state: S, changed: Set<keyof S>) => void, options?: {patient?: boolean}) => () => void} on
 *   Calls the listener at every change of one of the keys; returns how to stop.
 *   patient: of changes in a hurry it may hear later, and of several at once.
 */

/**
 * @template {object} S
 * @param {S} initial
 * @returns {Store<S>}
 */
export function createStore(initial) {
  let state = initial;
  /** @type {Set<{keys: (keyof S)[], listener: (state: S, changed: Set<keyof S>) => void, patient: boolean}>} */
  const listeners = new Set();
  /** @type {Set<keyof S>} */
  let changed = new Set();
  /** What the patient have not been told yet. @type {Set<keyof S>} */
  let untold = new Set();
  let told = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let last;
  let telling = false;

  /** @param {Set<keyof S>} now @param {Set<keyof S>} due  What the patient are told. */
  function tell(now, due) {
    telling = true;
    try {
      for (;;) {
        for (const { keys, listener, patient } of listeners) {
          const news = patient ? due : now;
          if (keys.some((key) => news.has(key))) listener(state, news);
        }
        // A listener may change the state again: then all are told again.
        if (changed.size === 0) return;
        now = take();
        due = dueOf(now, false);
      }
    } finally {
      telling = false;
    }
  }

  function take() {
    const now = changed;
    changed = new Set();
    return now;
  }

  /**
   * What the patient are told at a change: nothing yet, or all that there is, so
   * that none of them draws another state than the others.
   * @param {Set<keyof S>} now @param {boolean} hurry @returns {Set<keyof S>}
   */
  function dueOf(now, hurry) {
    const concerned = [...listeners].some(({ keys, patient }) => patient && keys.some((key) => now.has(key)));
    if (!concerned) return new Set();
    for (const key of now) untold.add(key);
    clearTimeout(last);
    if (!hurry || performance.now() - told >= OFTEN) return allUntold();
    last = setTimeout(() => tell(new Set(), allUntold()), LAST);
    return new Set();
  }

  function allUntold() {
    told = performance.now();
    const due = untold;
    untold = new Set();
    return due;
  }

  return {
    get: () => state,
    setState(patch, { hurry = false } = {}) {
      for (const key of /** @type {(keyof S)[]} */ (Object.keys(patch))) {
        if (!Object.is(state[key], patch[key])) changed.add(key);
      }
      if (changed.size === 0) return;
      state = { ...state, ...patch };
      if (telling) return;
      const now = take();
      tell(now, dueOf(now, hurry));
    },
    on(keys, listener, { patient = false } = {}) {
      const entry = { keys, listener, patient };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}
