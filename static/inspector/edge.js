/**
 * The inspector's page for an edge: one use of a value, and the gradient that
 * comes back for it.
 */
import { button, h } from '../dom.js';
import { useOf } from '../whatif/targets.js';
import { receivedBy } from './flow.js';
import { carried, cardLink, nameOf, tensorSection } from './sections.js';

/**
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').ModelEdge} ModelEdge
 * @typedef {import('./sections.js').Links} Links
 */

/** @param {Model} model @param {ModelEdge} edge @param {import('../state.js').State} state @param {Links} links */
export function edgePage(model, edge, state, links) {
  const gradient = edge.kind === 'gradient' ? edge : model.edges.find((one) => one.kind === 'gradient' && one.lane === edge.lane);
  const [usedId, userId] = edge.kind === 'gradient' ? [edge.target, edge.source] : [edge.source, edge.target];
  const [used, user] = [model.cardById.get(usedId), model.cardById.get(userId)];
  if (!used || !user) return h('div', { class: 'inspect' });
  const what = `${nameOf(used)} in ${nameOf(user)}`;
  return h(
    'div', { class: 'inspect' },
    h(
      'div', { class: 'inspect__head' },
      h('div', { class: 'inspect__row' }, h('h2', { class: 'inspect__title' }, nameOf(used), ' in ', nameOf(user)), h('span', { class: 'chip' }, 'edge')),
      h('p', { class: 'inspect__meta' }, cardLink(used, links), ' is input ', String(edge.input), ' of ', cardLink(user, links)),
      h('p', { class: 'inspect__meta inspect__follow' }, button({ icon: 'x', label: 'Deselect, and follow the walk', title: 'Deselect', key: 'Esc', class: 'button--link', onClick: () => links.actions.select(null) })),
      h('div', { class: 'inspect__actions' }, cut(model, edge, state, links)),
    ),
    tensorSection('Value that went in', used.value, 'value', what, links, 'Not held in the trace.'),
    tensorSection('Gradient that came back', gradient?.gradient ?? null, 'grad', what, links, gradient ? (gradient.absent === 'None' ? 'None was sent along here.' : 'The numbers were left out.') : 'None: autograd does not follow this use.'),
    gradient?.gradient && h('p', {}, cardLink(user, links), ' turned the v that reached it into Jᵀ·v for this input, and sent it here.'),
    gradient && sum(model, gradient, links),
  );
}

/** All that reaches the same place. @param {Model} model @param {ModelEdge} edge @param {Links} links */
function sum(model, edge, links) {
  const target = model.cardById.get(edge.target);
  const graph = model.trace.graphs.find((one) => one.id === edge.graph) ?? null;
  const all = target ? receivedBy(model, target, graph).filter((one) => one.output === edge.output) : [];
  if (!target || all.length < 2) return null;
  return h(
    'section', { 'aria-label': 'Added up' },
    h('h3', {}, `Added up at ${nameOf(target)}`),
    h('table', { class: 'grid' }, h('tbody', {}, all.slice(0, 12).map((one) => {
      const from = model.cardById.get(one.source);
      return h('tr', { class: one === edge ? 'is-selected' : '' },
        h('td', { class: 'left' }, 'from ', from ? cardLink(from, links) : '?', one === edge && ', this edge'), carried(one.gradient, from ? nameOf(from) : 'the edge', links, one.absent));
    }))),
    all.length > 12 && h('p', {}, `and ${all.length - 12} more`),
  );
}

/** Cutting this use alone. @param {Model} model @param {ModelEdge} edge @param {import('../state.js').State} state @param {Links} links */
function cut(model, edge, state, links) {
  const use = useOf(model, edge);
  if (!use) return null;
  const active = state.interventions.some((one) => one.kind === 'detach' && 'line' in one.target && one.target.line === use.target.line && one.target.col === use.target.col && one.target.end_col === use.target.end_col);
  return button({
    icon: 'scissors', label: 'Detach this use', title: `What if ${use.name} were detached here only`, class: 'button--small button--whatif',
    props: { 'aria-pressed': String(active) }, onClick: () => links.actions.interveneUse(edge),
  });
}
