/**
 * The right pane: the selected card or edge, else how to begin.
 */
import { cells } from '../cells.js';
import { h, refill } from '../dom.js';
import { formatShape } from '../model/index.js';
import { inspected, shown } from '../state.js';
import { cardPage } from './card.js';

/**
 * @typedef {import('../state.js').State} State
 * @typedef {import('./card.js').Links} Links
 */

/** @param {HTMLElement} host @param {import('../store.js').Store<State>} store @param {Links} links */
export function createInspector(host, store, links) {
  function draw(/** @type {State} */ state) {
    const model = shown(state);
    const now = inspected(state);
    const card = now?.ref.kind === 'card' ? model?.cardById.get(now.ref.id) : undefined;
    const edge = now?.ref.kind === 'edge' ? model?.edgeById.get(now.ref.id) : undefined;
    refill(host, model && card ? cardPage(model, card, { ...state, following: now?.following ?? false }, links) : model && edge ? edgePage(model, edge, links) : emptyPage());
  }
  store.on(['selection', 'model', 'view', 'step', 'interventions'], draw);
  store.on(['selection'], () => (host.scrollTop = 0));
  draw(store.get());
}

/** @param {import('../model/types.js').Model} model @param {import('../model/types.js').ModelEdge} edge @param {Links} links */
function edgePage(model, edge, links) {
  const source = model.cardById.get(edge.source);
  const target = model.cardById.get(edge.target);
  const link = (/** @type {import('../model/types.js').Card | undefined} */ card) =>
    card ? h('button', { type: 'button', class: 'button button--link mono', title: `Select ${card.title}`, on: { click: () => links.actions.select({ kind: 'card', id: card.id }) } }, card.title) : '?';
  const gradient = edge.kind === 'gradient';
  const partner = gradient ? edge : model.edges.find((one) => one.kind === 'gradient' && one.lane === edge.lane);
  return h(
    'div', { class: 'inspect' },
    h('div', { class: 'inspect__head' }, h('h2', { class: 'inspect__title' }, gradient ? 'Gradient edge' : 'Use of a value'),
      h('p', { class: 'inspect__meta' }, link(source), ' → ', link(target), `, input ${edge.input}`)),
    h('section', {},
      h('h3', {}, 'Gradient along this edge', partner?.gradient && h('span', { class: 'shape' }, formatShape(partner.gradient.shape))),
      partner ? cells(partner.gradient, 'grad', 16) : h('p', { class: 'none' }, 'None: autograd does not follow this use.')),
    gradient && h('p', {}, 'The source turned the v that reached it into Jᵀ·v for this input, and sent it here. If several edges end at one place, what they carry is added up.'),
  );
}

function emptyPage() {
  return h(
    'div', { class: 'inspect__empty' },
    h('h2', { class: 'panel__title' }, 'Nothing selected'),
    h('p', {}, 'Choose a card in the graph, a name under the code, or put the caret on an expression. Here you then see the gradient that arrived, the local Jacobian, and what was sent on.'),
  );
}
