/**
 * The right pane: the selected card or edge, else how to begin.
 */
import { h, refill } from '../dom.js';
import { inspected, shown } from '../state.js';
import { cardPage } from './card.js';
import { edgePage } from './edge.js';

/**
 * @typedef {import('../state.js').State} State
 * @typedef {import('./sections.js').Links} Links
 */

/** @param {HTMLElement} host @param {import('../store.js').Store<State>} store @param {Links} links */
export function createInspector(host, store, links) {
  function draw(/** @type {State} */ state) {
    const model = shown(state);
    const now = inspected(state);
    const card = now?.ref.kind === 'card' ? model?.cardById.get(now.ref.id) : undefined;
    const edge = now?.ref.kind === 'edge' ? model?.edgeById.get(now.ref.id) : undefined;
    refill(host, model && card ? cardPage(model, card, { ...state, following: now?.following ?? false }, links) : model && edge ? edgePage(model, edge, state, links) : emptyPage(model));
  }
  store.on(['selection', 'model', 'view', 'step', 'interventions', 'comparison'], draw, { patient: true });
  store.on(['selection'], () => (host.scrollTop = 0));
  draw(store.get());
}

/** @param {import('../model/types.js').Model | null} model */
function emptyPage(model) {
  const empty = model === null || model.cards.length === 0;
  return h(
    'div', { class: 'inspect__empty' },
    h('h2', { class: 'panel__title' }, empty ? 'Nothing to look at' : 'Nothing selected'),
    h('p', {}, empty ? 'What a tensor holds, what came back to it and by which rule is shown here, once the program makes one.' : 'Choose a card in the graph, a name under the code, or put the caret on an expression. Here you then see the gradient that arrived, the local Jacobian, and what was sent on.'),
  );
}
