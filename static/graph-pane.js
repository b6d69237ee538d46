/**
 * The picture and the bar above it: legend, counts, direction, zoom.
 */
import { button, fill, h } from './dom.js';
import { createGraph } from './graph/index.js';
import { callsOf, hasParts, partOf } from './model/scope.js';
import { callShown, shown } from './state.js';
import { stayOf } from './timeline/player.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./model/types.js').Model} Model
 */

/**
 * @param {{bar: HTMLElement, graph: HTMLElement, legend: HTMLElement, note: HTMLElement}} hosts
 * @param {import('./store.js').Store<State>} store
 * @param {import('./actions.js').Actions} actions
 */
export function createGraphPane(hosts, store, actions) {
  const graph = createGraph(hosts.graph, {
    onSelect: actions.select,
    onHover: actions.hover,
    onIntervene: ({ kind, card }) => actions.intervene(kind, card),
  });
  const counts = h('span', { class: 'counts' });
  const scope = h('button', { class: 'button button--small', type: 'button', on: { click: () => actions.toggleScope() } });
  const direction = button({ icon: 'arrowRight', title: 'Turn the flow', key: 'D', class: 'button--small', onClick: () => actions.setDirection(store.get().direction === 'TB' ? 'LR' : 'TB') });
  fill(hosts.legend, legend());
  fill(
    hosts.bar,
    h(
      'div', { class: 'graph-tools' }, counts, scope,
      h(
        'span', { class: 'segmented', role: 'group', 'aria-label': 'View' },
        direction,
        button({ icon: 'zoomOut', title: 'Smaller', key: '−', class: 'button--small', onClick: () => graph.zoomOut() }),
        button({ icon: 'zoomIn', title: 'Larger', key: '+', class: 'button--small', onClick: () => graph.zoomIn() }),
        button({ icon: 'maximize', title: 'Fit the whole graph', key: 'F', class: 'button--small', onClick: () => graph.fit() }),
      ),
    ),
  );

  /** @type {Model | null} */
  let drawn = null;
  /** @type {string | null} */
  let lesson = null;
  async function drawModel(/** @type {State} */ state) {
    const whole = shown(state);
    const call = whole && callShown(whole, state);
    const model = whole && pictured(whole, call);
    counts.textContent = whole && model && model.cards.length > 0 ? countsOf(whole, model, call) : '';
    showScope(whole, state);
    const empty = model !== null && model.cards.length === 0;
    if (model) say(empty ? emptyNote(model) : '');
    else drawNote(state);
    if (!model) return;
    const keepPositions = drawn !== null && state.lesson === lesson;
    drawn = model;
    lesson = state.lesson;
    await graph.setModel(model, { compare: state.view === 'after' ? state.comparison : null, keepPositions, step: state.step });
    if (drawn !== model) return;
    graph.setStep(store.get().step, { animate: false });
    graph.select(store.get().selection);
  }

  /** @param {string} text */
  function say(text) {
    hosts.note.hidden = text === '';
    hosts.note.textContent = text;
  }
  /** Until the first picture. @param {State} state */
  function drawNote(state) {
    if (shown(state)) return;
    say(state.status === 'failed' ? 'Nothing to draw yet: the program could not be run.' : state.progress ? (state.progress.retryIn === null ? 'Running the program…' : 'The service is busy: trying again…') : '');
  }

  /** @param {Model | null} whole @param {State} state */
  function showScope(whole, state) {
    scope.hidden = whole === null || !hasParts(whole);
    const all = state.scope === 'all';
    scope.textContent = all ? 'One call at a time' : `Show all ${whole ? callsOf(whole).length : ''} calls`;
    scope.title = all ? 'Draw only the backward call of this step (A)' : 'Draw all backward calls side by side (A)';
  }

  /** Whether another call than the one that is drawn is to be seen now. @param {State} state */
  function moved(state) {
    const whole = shown(state);
    return whole !== null && drawn !== null && pictured(whole, callShown(whole, state)) !== drawn;
  }

  store.on(['model', 'view', 'comparison', 'status'], (state, changed) => {
    if (changed.has('model') || changed.has('view') || changed.has('comparison') || !shown(state)) void drawModel(state);
  });
  store.on(['step'], (state, changed) => {
    if (moved(state)) void drawModel(state);
    else if (!changed.has('model') && !changed.has('view')) {
      graph.setStep(state.step, { animate: true, duration: Math.min(900, stayOf(shown(state), state.step, state.speed) * 0.8) });
    }
  });
  store.on(['selection'], (state) => {
    if (moved(state)) void drawModel(state);
    else graph.select(state.selection);
  });
  store.on(['progress', 'status'], drawNote);
  store.on(['scope'], (state) => void drawModel(state));
  store.on(['hover'], ({ hover }) => graph.hover(hover));
  store.on(['direction'], ({ direction: now }) => graph.setDirection(now));
  if (store.get().direction !== 'TB') graph.setDirection(store.get().direction);
  return graph;
}

/** @param {Model} whole @param {string | null} call */
const pictured = (whole, call) => (call ? partOf(whole, call) : whole);

/** Why a run has no picture, and what to do. @param {Model} model */
function emptyNote({ trace, code }) {
  if (trace.error) return 'Nothing was recorded: what went wrong stands under the code.';
  if (code.trim() === '') return 'Write some torch, or pick a lesson above.';
  return 'No tensor was made, so there is no graph. Write some torch, or pick a lesson above.';
}

/** @param {Model} whole @param {Model} model  What of it is drawn. @param {string | null} shownCall */
function countsOf(whole, model, shownCall) {
  const calls = callsOf(whole);
  const graphs = whole.trace.graphs;
  const call = shownCall ? calls.indexOf(shownCall) : -1;
  const seen = call < 0 ? graphs : graphs.filter((one) => one.id === calls[call]);
  const nodes = new Set(seen.flatMap((one) => one.nodes.map((node) => node.id))).size;
  const edges = seen.reduce((total, one) => total + one.edges.length, 0);
  const ghosts = model.cards.filter((card) => card.kind === 'ghost').length;
  const say = (/** @type {number} */ n, /** @type {string} */ what) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;
  const which = call < 0 ? say(calls.length, 'backward call') : `backward ${call + 1} of ${calls.length + (whole.trace.omitted.graphs ?? 0)}`;
  return [say(nodes, 'node'), say(edges, 'edge'), which, ghosts > 0 && `${ghosts.toLocaleString('en')} not recorded`].filter(Boolean).join(' · ');
}

function legend() {
  const item = (/** @type {HTMLElement} */ sign, /** @type {string} */ text) => h('span', { class: 'legend__item' }, sign, text);
  return [
    item(h('span', { class: 'legend__line' }), 'forward'),
    item(h('span', { class: 'legend__line legend__line--backward' }), 'gradient'),
    item(h('span', { class: 'legend__line legend__line--ghost' }), 'not recorded'),
    item(h('span', { class: 'legend__ramp legend__ramp--value', title: 'Values on a symmetric log scale' }), 'value − 0 +'),
    item(h('span', { class: 'legend__ramp legend__ramp--grad', title: 'Gradients on a symmetric log scale' }), 'grad − 0 +'),
  ];
}
