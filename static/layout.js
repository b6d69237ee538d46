/**
 * Panes that can be resized, and tabs where there is no room for all of them.
 */
import { button, fill } from './dom.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./store.js').Store<State>} Store
 */

/** @type {Record<string, {axis: 'x' | 'y', sign: 1 | -1, least: number, most: () => number, label: string}>} */
const SPLITS = {
  left: { axis: 'x', sign: 1, least: 240, most: () => innerWidth * 0.5, label: 'Width of the code pane' },
  right: { axis: 'x', sign: -1, least: 224, most: () => innerWidth * 0.45, label: 'Width of the inspector' },
  editor: { axis: 'y', sign: 1, least: 72, most: () => innerHeight * 0.75, label: 'Height of the editor' },
};

/**
 * A separator that is dragged, or moved with the arrow keys; double click resets it.
 * @param {HTMLElement} handle @param {string} name @param {Store} store
 * @param {() => number} measure  Its size now, in pixels.
 */
export function createSplitter(handle, name, store, measure) {
  const { axis, sign, least, most, label } = SPLITS[name];
  handle.setAttribute('role', 'separator');
  handle.setAttribute('aria-label', label);
  handle.setAttribute('aria-orientation', axis === 'x' ? 'vertical' : 'horizontal');
  handle.setAttribute('aria-valuemin', String(least));
  handle.tabIndex = 0;
  handle.title = `${label}: drag, or use the arrow keys`;

  /** @param {number} size */
  const set = (size) => store.setState({ sizes: { ...store.get().sizes, [name]: Math.round(Math.max(least, Math.min(most(), size))) } });
  const describe = () => {
    handle.setAttribute('aria-valuenow', String(Math.round(measure())));
    handle.setAttribute('aria-valuemax', String(Math.round(most())));
  };
  describe();

  handle.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    handle.classList.add('is-dragging');
    const from = { at: axis === 'x' ? event.clientX : event.clientY, size: measure() };
    const move = (/** @type {PointerEvent} */ e) => set(from.size + sign * ((axis === 'x' ? e.clientX : e.clientY) - from.at));
    const end = () => {
      handle.classList.remove('is-dragging');
      handle.removeEventListener('pointermove', move);
      describe();
    };
    handle.addEventListener('pointermove', move);
    handle.addEventListener('lostpointercapture', end, { once: true });
  });
  handle.addEventListener('keydown', (event) => {
    /** @type {Record<string, number>} */
    const by = axis === 'x' ? { ArrowLeft: -16, ArrowRight: 16 } : { ArrowUp: -16, ArrowDown: 16 };
    const delta = by[event.key];
    if (delta === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(measure() + sign * delta);
    describe();
  });
  handle.addEventListener('dblclick', () => {
    const { [name]: _, ...rest } = store.get().sizes;
    store.setState({ sizes: rest });
  });
}

/** Sizes of the state as custom properties. @param {HTMLElement} studio @param {Store} store */
export function applySizes(studio, store) {
  const draw = (/** @type {State} */ { sizes }) => {
    for (const name of Object.keys(SPLITS)) {
      if (sizes[name] !== undefined) studio.style.setProperty(`--${name}`, `${sizes[name]}px`);
      else if (name !== 'editor') studio.style.removeProperty(`--${name}`);
    }
  };
  store.on(['sizes'], draw);
  draw(store.get());
}

/** @param {HTMLElement} host @param {Store} store @param {import('./actions.js').Actions} actions */
export function createTabs(host, store, actions) {
  const tabs = /** @type {const} */ ([
    ['code', 'Code', 'code'],
    ['graph', 'Graph', 'gitFork'],
    ['inspector', 'Inspector', 'search'],
  ]);
  const buttons = tabs.map(([id, label, icon]) =>
    button({ icon, label, title: `Show the ${label.toLowerCase()} pane`, onClick: () => actions.showTab(id), props: { 'data-for': id } }));
  fill(host, buttons);
  const wide = matchMedia('(width >= 760px) and (height >= 500px)');
  const draw = (/** @type {State} */ { tab }) => {
    document.body.dataset.tab = tab;
    // Where the graph is always in sight, the code pane stands for its tab.
    const beside = wide.matches;
    for (const one of buttons) {
      const mine = one.dataset.for === tab || (beside && tab === 'graph' && one.dataset.for === 'code');
      one.setAttribute('aria-pressed', String(mine));
    }
  };
  store.on(['tab'], draw);
  wide.addEventListener('change', () => draw(store.get()));
  draw(store.get());
}
