/**
 * State and address kept in step: the hash follows the state, and Back, a
 * pasted link or an edited hash bring the state to what the address says.
 */
import { baseOf } from './share/index.js';
import { fromHash, toHash } from './url.js';

/** @typedef {import('./state.js').State} State */

/** Milliseconds without a change, before the address follows. */
const SETTLED = 150;

/**
 * @param {import('./store.js').Store<State>} store
 * @param {(patch: Partial<State>) => void} open
 */
export function followAddress(store, open) {
  let written = location.hash;
  /** @type {string | null} */
  let lesson = store.get().lesson;

  /** Browsers take only so many new addresses in a while. */
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void write(), SETTLED);
  };

  async function write() {
    const state = store.get();
    // Before the first run nothing is known of the steps, and a hash that came with the page stays.
    if (!state.model || state.playing) return;
    const hash = await toHash(state, baseOf(state));
    if (hash === written) return;
    written = hash;
    const moved = state.lesson !== lesson;
    lesson = state.lesson;
    history[moved ? 'pushState' : 'replaceState'](null, '', hash || location.pathname);
  }
  store.on(['lesson', 'code', 'seed', 'inputs', 'gradient', 'interventions', 'step', 'view', 'scope', 'direction', 'selection', 'playing'], later);

  addEventListener('popstate', async () => {
    if (location.hash === written) return;
    // The skip link's hash names a place on the page, not a state.
    if (location.hash.length > 1 && !location.hash.includes('=')) {
      history.replaceState(null, '', written || location.pathname);
      return;
    }
    written = location.hash;
    /** @type {Partial<State>} */
    const patch = await fromHash(location.hash).catch(() => ({}));
    lesson = patch.lesson ?? null;
    open(patch);
  });
}
